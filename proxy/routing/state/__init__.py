"""Counts, cooldowns and latency of each deployment: in memory, shared by a host's workers, or in Redis."""
