"""A fake provider in OpenAI's format: the built-in demo model, and an upstream to test against."""
