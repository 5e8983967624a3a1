"""What Flask needs around a view."""
