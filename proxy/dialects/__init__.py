"""The wire forms that clients speak: how a request is read, and how answers, streams and errors are written."""
