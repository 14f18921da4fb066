"""The owner's files: one tree of folders and files in the root-state of the system dec (docs/file-tree.md)."""
