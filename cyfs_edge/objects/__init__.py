"""L0: the named-object envelope and one module per family of objects."""
