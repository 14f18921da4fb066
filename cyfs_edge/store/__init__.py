"""L3: the node's persistent state on LMDB."""
