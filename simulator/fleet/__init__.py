"""What both simulated fleets share: folder, inventory file, keys, listeners."""
