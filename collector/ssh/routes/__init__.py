"""Routes to a host: names, TCP, bastions, proxy commands."""
