"""What the store keeps of alerts: their states, what is to be sent, silences and evidence."""
