"""Sources of hosts: YAML, INI, scripts, plugins and host lists, merged by Ansible's rules."""
