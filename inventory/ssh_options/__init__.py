"""ssh's own option language: ssh_config, -o options, jump hosts, algorithms."""
