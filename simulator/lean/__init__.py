"""A fleet for benchmarks, whose servers cost much less than the clients that are measured."""
