"""Output for people: tables, explanations, status lines."""
