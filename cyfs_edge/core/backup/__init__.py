"""Backups: taking, checking, restoring and forgetting them, over small ports (docs/backup.md)."""
