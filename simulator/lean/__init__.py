"""The fleet that costs far less than the clients measured on it."""
