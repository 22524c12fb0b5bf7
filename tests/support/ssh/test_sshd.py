"""The tests' own server really is one."""

import subprocess

from tests.support.ssh.sshd import Sshd


def test_openssh_client_reads_sockstat_through_it(sshd: Sshd, tmp_path):
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(sshd.known_hosts_lines())
    ssh = [
        "ssh",
        "-F",
        "none",
        "-p",
        str(sshd.port),
        "-i",
        str(sshd.client_key),
        "-o",
        "BatchMode=yes",
    ]
    result = subprocess.run(
        [
            *ssh,
            "-o",
            f"UserKnownHostsFile={known_hosts}",
            f"{sshd.user}@127.0.0.3",
            "cat /proc/net/sockstat",
        ],
        capture_output=True,
        check=False,
    )
    assert b"TCP: inuse" in result.stdout, result.stderr
