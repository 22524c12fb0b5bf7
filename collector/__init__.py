"""Contact each host of a fleet, once or in rounds, and read its socket counters."""
