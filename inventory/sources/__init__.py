"""Where hosts come from: YAML, INI, scripts, plugins, host lists, merged as Ansible merges them."""
