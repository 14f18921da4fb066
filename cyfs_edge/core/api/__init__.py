"""The HTTP API of the node: requests in, responses out, whatever server carries them (docs/protocol/http-api.md)."""
