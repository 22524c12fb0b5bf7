"""Output for programs: JSON, NDJSON, CSV, Prometheus, InfluxDB, and the JSON Schema."""
