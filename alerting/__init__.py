"""Levels, ranges and states that a scan is held against."""
