"""What the command line takes: options, their types, and what a shell completes."""
