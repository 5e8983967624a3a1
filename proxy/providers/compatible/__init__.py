"""Providers with OpenAI's format: a table of rows, and the near relatives that need code."""
