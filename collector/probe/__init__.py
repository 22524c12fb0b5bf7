"""The command that hosts run, and the parsers of its output."""
