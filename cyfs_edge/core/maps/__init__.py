"""The object map engine: editable maps and sets whose ids are those of the protocol (docs/protocol/object-map.md)."""
