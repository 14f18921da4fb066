"""Shares: what the owner lets others read, until when, and what it takes to take that back (docs/door.md)."""
