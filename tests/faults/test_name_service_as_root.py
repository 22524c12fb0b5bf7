"""A real name service that never answers, in a network and mount namespace of its own.

/etc/hosts knows some names; for all others the system's resolver waits a minute and a half.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.ssh.sshd import ssh_keygen

STUCK, KNOWN = 40, 8  # more of them than the resolver has threads at first
NEVER = 60
"""Seconds; reached only where a scan waits for the name service."""


def test_a_name_service_that_never_answers_delays_no_other_host_deadline_or_signal(tmp_path):
    key = ssh_keygen(tmp_path / "key")
    words = [sys.executable, "-m", __spec__.name, str(tmp_path), str(key)]
    done = subprocess.run(
        ["unshare", "--net", "--mount", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * NEVER,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # Nothing listens on port 22 of this namespace: a name that was found is refused.
    assert found["limited"] == [4, {"dns_timeout": STUCK, "refused": KNOWN}]
    assert found["deadline"] == [4, {"deadline": 1}]
    assert found["signal"] == [130, {"not_attempted": 1}]


def _serve_names(folder: Path) -> socket.socket:
    """Replace the files of the resolver in this mount namespace; return the name server."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    hosts = ["localhost", *(f"known{n}" for n in range(KNOWN))]
    files = {
        "hosts": "".join(f"127.0.0.1 {name}\n" for name in hosts),
        "resolv.conf": "nameserver 127.0.0.1\noptions timeout:30 attempts:3\n",
        "nsswitch.conf": "hosts: files dns\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
        subprocess.run(["mount", "--bind", str(folder / name), f"/etc/{name}"], check=True)
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    return server


def _start(key: str, names: list[str], *options: str) -> subprocess.Popen[str]:
    words = ["scan", ",".join(names) + ",", "-f", "json", "--retries", "0", "-i", key]
    return subprocess.Popen(
        [sys.executable, "-m", "sockfleet.cli", *words, "--known-hosts", "/dev/null", *options],
        stdout=subprocess.PIPE,
        text=True,
    )


def _end(process: subprocess.Popen[str]) -> tuple[int, dict[str, int]]:
    """Wait for the end; return the exit code, and how many hosts failed by each category."""
    output, _ = process.communicate(timeout=NEVER)
    hosts = json.loads(output)["hosts"]
    return process.returncode, dict(Counter(host["error"]["category"] for host in hosts))


def _main(folder: Path, key: str) -> None:
    server = _serve_names(folder)
    names = [f"stuck{n}.example" for n in range(STUCK)] + [f"known{n}" for n in range(KNOWN)]
    limited = _start(key, names, "--connect-timeout", "6")
    deadline = _start(key, ["late.example"], "--deadline", "1")
    interrupted = _start(key, ["interrupted.example"])
    while b"interrupted" not in server.recv(512):
        pass
    interrupted.send_signal(signal.SIGINT)
    found = {"signal": _end(interrupted), "deadline": _end(deadline), "limited": _end(limited)}
    print(json.dumps(found))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2])
