"""L0: codec, ids, keys and the other value types of the protocol. Pure: no I/O, no clock, no randomness."""
