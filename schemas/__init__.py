"""The shapes of what comes in; marshmallow only, imports nothing of ours."""
