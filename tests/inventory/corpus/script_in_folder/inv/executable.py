#!/bin/sh
echo '{"_meta": {"hostvars": {"w1": {"from": "script"}}}, "web": {"hosts": ["w1"]}}'
