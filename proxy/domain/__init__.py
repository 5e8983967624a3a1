"""Frozen values that the other packages exchange; imports nothing of ours."""
