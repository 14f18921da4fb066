"""L3: the machine underneath: clock, randomness, threads, local files, system figures."""
