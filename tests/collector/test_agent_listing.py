"""The keys that an ssh-agent lists: malformed answers, none, and how often it is contacted."""

from __future__ import annotations

import errno
import pickle
import re
import socket
import threading
from pathlib import Path

import pytest

from sockfleet.collector.agent_listing import AgentError, AgentListings
from tests.support.ssh.agent import CountingAgent, ssh_agent
from tests.support.ssh.sshd import ssh_keygen


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "it closed the connection"),
        (b"\0\0", "it closed the connection"),
        (b"\0\0\0\1\x05", "its list of keys is malformed"),
        (b"\0\0\0\5\x05\0\0\0\0", "it lists no keys"),
        (b"\0\0\0\5\x0c\0\0\0\1", "its list of keys is malformed"),
        (b"\0\0\0\5\x0c\xff\xff\xff\xff", "its list of keys is malformed"),
        (b"\0\0\0\x0d\x0c\0\0\0\1\xff\xff\xff\xffabcd", "its list of keys is malformed"),
        (b"\xff\xff\xff\xff" + b"x" * 100, "its list of keys takes 4294967295 bytes"),
        (b"\0\0\0\0", "its list of keys is malformed"),
    ],
)
def test_a_malformed_answer_is_an_error(tmp_path: Path, answer: bytes, why: str) -> None:
    path = str(tmp_path / "agent")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(100)
                peer.sendall(answer)

        server = threading.Thread(target=serve)
        server.start()
        with pytest.raises(AgentError, match=f"^{why}$"):
            AgentListings().list(path)
        server.join()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing", "No such file or directory"),
        ("file", "Connection refused"),
        ("x" * 200, "AF_UNIX path too long"),
    ],
)
def test_a_missing_agent_is_an_error_that_names_no_number(
    tmp_path: Path, name: str, why: str
) -> None:
    (tmp_path / "file").touch()
    listings, path = AgentListings(), str(tmp_path / name)
    for _ in range(2):
        with pytest.raises(AgentError, match=f"^{re.escape(why)}$"):
            listings.list(path)


def test_an_agent_is_contacted_once_until_its_keys_are_forgotten(tmp_path: Path) -> None:
    key = ssh_keygen(tmp_path / "key", "-C", "a comment")
    with ssh_agent(key) as real:
        agent = CountingAgent(tmp_path / "socket", real)
        listings, path = AgentListings(), str(agent.path)
        assert listings.find(path) is None
        asking = [threading.Thread(target=listings.list, args=(path,)) for _ in range(8)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        (listed,) = listings.list(path)
        assert listed.comment == b"a comment"
        assert listings.find(path) == (listed,)
        assert agent.connections == 1
        listings.forget()
        assert listings.list(path) == (listed,)
        assert agent.connections == 2
        agent.close()
    assert pickle.loads(pickle.dumps(listings)).find(path) is None


def test_a_lack_of_descriptors_is_not_kept_as_the_agents_answer(tmp_path: Path, mocker) -> None:
    with ssh_agent(ssh_keygen(tmp_path / "key")) as path:
        listings = AgentListings()
        mocker.patch("socket.socket", side_effect=OSError(errno.EMFILE, "Too many open files"))
        with pytest.raises(OSError, match="Too many open files"):
            listings.list(path)
        mocker.stopall()
        assert len(listings.list(path)) == 1
