"""Trans tasks: downloads that go on by themselves, in groups, from several sources (docs/protocol/http-api.md §10)."""
