"""From an inventory's variables to a host that can be contacted."""
