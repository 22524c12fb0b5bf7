"""A scan divided between forked worker processes."""
