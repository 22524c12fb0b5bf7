"""From a scan to what each rule sees of each of its subjects."""
