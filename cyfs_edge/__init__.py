"""cyfs-edge: an OOD (Owner Online Device) for small boxes, speaking the CYFS protocol."""

__version__ = "0.1.0"
