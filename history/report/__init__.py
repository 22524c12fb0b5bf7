"""What a report says of a fleet over some time, as values that every format renders."""
