"""How to reach a host: names, TCP, bastions, proxy commands."""
