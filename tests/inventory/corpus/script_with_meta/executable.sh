#!/bin/sh
[ "$1" = --list ] || exit 9
echo "a word on stderr" >&2
cat <<'EOF'
{"web": {"hosts": ["w1", "w2", "w[1:2]"], "vars": {"a": 1, "u": {"__ansible_unsafe": "{{ x }}"}}, "children": ["sub", "empty"]},
 "sub": {"hosts": ["s1"]}, "flat": ["f1", "w1"], "all": {"vars": {"z": 1}},
 "_meta": {"hostvars": {"w1": {"b": [1, 2]}, "nobody": {"c": 1}, "s1": {"ansible_host": "10.0.0.1"}}}}
EOF
