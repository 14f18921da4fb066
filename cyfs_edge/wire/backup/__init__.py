"""The format of a backup repository (docs/backup-format.md), pure."""
