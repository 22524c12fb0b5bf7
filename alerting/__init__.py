"""Rules over saved scans, the states of alerts and their notifications; the levels of a check."""
