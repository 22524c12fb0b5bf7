"""One simulated host: its sockets, its /proc files and its answers to commands."""
