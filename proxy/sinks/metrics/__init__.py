"""Prometheus metrics: the table of metrics, their labels, and the exposition."""
