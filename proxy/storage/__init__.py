"""Where accounts made at run time are kept: SQLAlchemy Core over embedded SQLite or PostgreSQL. Imported only when needed."""
