"""Checks of what goes to a model and of what comes back."""
