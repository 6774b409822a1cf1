"""The twin on disk: SQLite event log and content-addressed blobs."""
