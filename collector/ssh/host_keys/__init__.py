"""Host keys: known_hosts, certificates, accept-new, and the messages about them."""
