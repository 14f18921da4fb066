"""L1: what goes over a wire, both directions, pure."""
