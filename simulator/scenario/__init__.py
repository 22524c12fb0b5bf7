"""Which hosts a fleet has and which faults they play."""
