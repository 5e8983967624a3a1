"""What can go wrong with the database."""


class DatabaseDownError(Exception):
    """The database can't be reached, does not answer in time, or can't be used. The message is for the log."""


class NewerSchemaError(DatabaseDownError):
    """The database was made by a newer program."""


class ConflictingRowError(Exception):
    """A row of this name exists already."""
