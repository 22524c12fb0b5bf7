"""What one simulated host holds and answers."""
