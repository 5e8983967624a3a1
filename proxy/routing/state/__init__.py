"""What is known of each deployment (counts, cooldowns, latency): in memory, shared by a host's workers, or in Redis."""
