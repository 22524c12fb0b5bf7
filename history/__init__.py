"""Scans over time: the store, and trends of its numbers."""
