"""Providers asked at /responses: in the client's own dialect (native), and for clients of chat completions (chat)."""
