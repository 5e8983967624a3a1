"""A configuration run against simulated providers."""
