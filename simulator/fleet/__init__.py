"""Parts of both simulated fleets: folder, inventory file, keys, listeners, processes."""
