"""Where the time of a cold host goes: samples of py-spy by group."""

from __future__ import annotations

import pytest
from cold_profile import counted, group_of

LOOP = "main (cli/main.py:1);run_on_event_loop (collector/event_loop.py:25)"


@pytest.mark.parametrize(
    ("frames", "group"),
    [
        (["_flush (collector/asyncssh_link.py:177)", "write (libc.so.6)"], "system calls"),
        (["send_packet (collector/asyncssh_client.py:150)"], "sockfleet's client"),
        (["_ask (collector/engine.py:1)", "parse (collector/probe.py:2)"], "probe's answer"),
        (["_ask (collector/engine.py:1)", "len (libpython3.11.so.1.0)"], "sockfleet's engine"),
        (["send_packet (asyncssh/connection.py:1)", "fe_mul (_rust.abi3.so)"], "cryptography"),
        (["main (somewhere)"], "other"),
    ],
)
def test_the_innermost_frame_that_is_known_tells_the_group(frames, group):
    assert group_of(frames) == group


def test_only_samples_of_the_scan_itself_count():
    lines = [
        f"{LOOP};_ask (collector/engine.py:1) 3",
        f"{LOOP};load_transport (collector/transport.py:1);exec (asyncssh/__init__.py:1) 5",
        "main (cli/main.py:1) 7",
    ]
    assert dict(counted(lines)) == {"sockfleet's engine": 3}
