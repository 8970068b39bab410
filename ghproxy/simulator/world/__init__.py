"""The simulated state: what exists on this GitHub, created from a seed, changed by writes."""
