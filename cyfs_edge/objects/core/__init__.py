"""Core objects: type codes 17…32767 that this node knows (docs/protocol/core-objects.md)."""
