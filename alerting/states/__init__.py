"""The state of an alert from scan to scan, and what holds its notifications back."""
