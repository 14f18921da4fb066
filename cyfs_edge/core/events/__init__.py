"""Router events: what the node tells those who asked to be told (docs/protocol/websocket.md §7)."""
