"""L3: servers and clients. Nothing here knows a rule of the protocol."""
