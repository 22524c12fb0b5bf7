"""The store of scans: a file of SQLite, or a database of PostgreSQL."""
