"""What both SSH transports share: settings, algorithms, messages, limits."""
