"""Wire formats: OpenAI's form into each provider's and back, as pure functions."""
