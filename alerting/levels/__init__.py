"""Levels, ranges and states of a check."""
