"""The database of a store: SQLite or PostgreSQL, its connections, locks and errors."""
