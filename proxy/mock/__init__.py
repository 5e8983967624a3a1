"""A fake provider that speaks OpenAI's format: the built-in demo model, and an upstream to test against."""
