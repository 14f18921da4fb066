"""L2: the rules, without I/O. Talks only to the ports of ``cyfs_edge.core.ports``."""
