"""What keeps a store small and sound: rollups, retention, its size, and the check of it."""
