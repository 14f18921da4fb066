"""Application state: root-state and local-cache (docs/protocol/object-map.md §4, §5, §7)."""
