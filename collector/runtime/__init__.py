"""The process that runs the collector: event loop, threads, signals, descriptors, CPUs."""
