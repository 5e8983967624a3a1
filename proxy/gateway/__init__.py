"""The pipeline of a call: what the views call, and what it calls in turn."""
