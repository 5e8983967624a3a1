"""The shapes of what comes in; marshmallow only, imports nothing else of this program."""
