"""Frozen values that the other packages exchange; imports nothing else of this program but errors."""
