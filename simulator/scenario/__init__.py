"""Scenarios: the hosts of a fleet and their faults."""
