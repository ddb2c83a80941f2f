"""Where a catalogue lies: SQLite or PostgreSQL, its schema, the originals beside it."""
