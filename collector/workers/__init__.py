"""A scan shared between forked processes."""
