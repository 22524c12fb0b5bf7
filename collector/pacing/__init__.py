"""When each host is contacted: schedule, adaptive login limit, partition, retry."""
