"""Where backups are kept: folders, SFTP and S3, and the files of a root that go into them."""
