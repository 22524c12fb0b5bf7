"""What a command does around the library: outputs, the store, and the next command."""
