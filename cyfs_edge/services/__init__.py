"""L4: main(), readiness and orderly stop of each process. Wiring only."""
