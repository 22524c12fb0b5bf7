"""Standard streams and the terminal: what is printed, asked and drawn."""
