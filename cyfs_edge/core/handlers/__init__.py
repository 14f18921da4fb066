"""Router handlers: who registered, whose turn it is, and what becomes of a request (docs/protocol/websocket.md §4)."""
