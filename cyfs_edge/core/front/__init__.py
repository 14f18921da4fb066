"""Pages of the front: objects, state and DecApps as addresses (docs/protocol/http-front.md)."""
