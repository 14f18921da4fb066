"""Path meta: access rules, links, path configuration and object meta of a dec (docs/protocol/access-and-zone.md §4)."""
