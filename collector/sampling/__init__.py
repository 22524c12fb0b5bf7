"""Repeated samples of a fleet over connections that stay open."""
