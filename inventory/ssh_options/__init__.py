"""ssh's options: command line words, ssh_config files, jump hosts, and the values they set."""
