"""Texts of what the store knows: the history, trends, reports and alerts."""
