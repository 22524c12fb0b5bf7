"""Host keys: known_hosts, certificates, accept-new, and their messages."""
