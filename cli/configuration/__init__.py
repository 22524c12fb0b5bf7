"""sockfleet.toml: its file, keys and values."""
