"""The rules of WebDAV on the owner's files: conditions, locks, properties (docs/webdav.md)."""
