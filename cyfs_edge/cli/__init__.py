"""The ``cyfs-edge`` command (L4)."""
