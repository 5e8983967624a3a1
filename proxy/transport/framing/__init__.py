"""A response's bytes into frames: server-sent events, JSON lines, AWS event streams, JSON arrays."""
