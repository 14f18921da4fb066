"""The owner door: who is let in from outside, and what is behind it (docs/door.md)."""
