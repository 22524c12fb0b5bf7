"""The client's side of a dialogue with a lean host, built from the same parts.

It can send any message, also those that violate the protocol.
"""

from __future__ import annotations

import hashlib

from asyncssh.packet import String, UInt32
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from sockfleet.collector.ssh.long_command import READER_PREFIX
from sockfleet.simulator.fleet.plain_packets import VERSION, encode_packet
from sockfleet.simulator.lean.counts import LeanCounts
from sockfleet.simulator.lean.dialogue import LeanDialogue, LeanServer
from sockfleet.simulator.lean.host import LeanHost
from sockfleet.simulator.lean.key_exchange import HostKey, Secrets, extract_offer, negotiate
from sockfleet.simulator.lean.login import LoginRule
from sockfleet.simulator.lean.packets import Seal, remove_padding
from sockfleet.simulator.lean.scenario import lean_scenario
from sockfleet.simulator.lean.wire import Fields, encode_mpint

__all__ = [
    "BLOB",
    "HOST",
    "NEWKEYS",
    "OPEN",
    "READER",
    "SERVICE",
    "LeanClient",
    "connect",
    "connect_and_log_in",
    "is_disconnected",
]

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw()
BLOB = String("ssh-ed25519") + String(PUBLIC)
HOST_KEY = HostKey(Ed25519PrivateKey.generate())
HOST = LeanHost(lean_scenario(hosts=1).hosts()[0], HOST_KEY)
OURS = b"SSH-2.0-test"
NEWKEYS = b"\x15"
SERVICE = b"\x05" + String("ssh-userauth")
READER = b"\x62" + UInt32(0) + String("exec") + b"\0" + String(READER_PREFIX)
OPEN = b"\x5a" + String("session") + UInt32(7) + UInt32(2**21) + UInt32(2**15)


class LeanClient:
    """The client's side; each method returns the messages of the host."""

    def __init__(self, *, strict: bool = False, verify: bool = True) -> None:
        self.counts = LeanCounts()
        self.server = LeanServer(
            login=LoginRule("probe", PUBLIC, self.counts, verify=verify), counts=self.counts
        )
        self.dialogue = LeanDialogue(HOST, self.server)
        lists = [b"curve25519-sha256" + b",kex-strict-c-v00@openssh.com" * strict, b"ssh-ed25519"]
        lists += [b"aes128-gcm@openssh.com"] * 2
        lists += [b"hmac-sha2-256"] * 2 + [b"none"] * 2 + [b""] * 2
        self.offer = b"\x14" + bytes(16) + b"".join(map(String, lists)) + bytes(5)
        self.session_id = b""
        self.sealing: Seal | None = None
        self.opening: Seal | None = None

    def greet(self) -> None:
        self.dialogue.greeting()
        assert self.dialogue.take(OURS + b"\r\n") == b""

    def send(self, *messages: bytes) -> list[bytes]:
        seal = self.sealing.seal if self.sealing else encode_packet
        return self.open_packets(self.dialogue.take(b"".join(map(seal, messages))))

    def open_packets(self, data: bytes) -> list[bytes]:
        found = []
        while data:
            length = int.from_bytes(data[:4], "big")
            end = 4 + length + (16 if self.opening else 0)
            rest = data[4:end]
            found.append(
                self.opening.open(data[:4], rest) if self.opening else remove_padding(rest)
            )
            if found[-1] == NEWKEYS and self.opening is None:
                self.prepare(found[-2])
            data = data[end:]
        return found

    def exchange(self) -> list[bytes]:
        """Exchange keys, up to NEWKEYS of the client."""
        self.private = X25519PrivateKey.generate()
        self.half = self.private.public_key().public_bytes_raw()
        answers = self.send(self.offer, b"\x1e" + String(self.half))
        self.send(NEWKEYS)
        self.sealing, self.opening = self.next
        return answers

    def prepare(self, reply: bytes) -> None:
        fields = Fields(reply)
        shown, theirs, _ = fields.string(), fields.string(), fields.string()
        shared = encode_mpint(self.private.exchange(X25519PublicKey.from_public_bytes(theirs)))
        parts = (OURS, VERSION.strip(), self.offer, self.server.key_exchange.offer)
        text = b"".join(map(String, (*parts, shown, self.half, theirs))) + shared
        self.session_id = hashlib.sha256(text).digest()
        secrets = Secrets(reply, self.session_id, shared)
        theirs_in, theirs_out = secrets.seals(negotiate(extract_offer(self.offer)), self.session_id)
        self.next = theirs_in, theirs_out
        self.opening = theirs_out

    def request(self, user: str = "probe", service: str = "ssh-connection") -> bytes:
        return b"\x32" + String(user) + String(service) + String("publickey")

    def log_in(self) -> None:
        assert self.send(SERVICE) == [b"\x06" + String("ssh-userauth")]
        assert self.send(self.sign_request()) == [b"\x34"]

    def sign_request(self, *, user: str = "probe", key: Ed25519PrivateKey = KEY) -> bytes:
        text = self.request(user) + b"\1" + String("ssh-ed25519") + String(BLOB)
        value = key.sign(String(self.session_id) + text)
        return text + String(String("ssh-ed25519") + String(value))


def connect(**how: bool) -> LeanClient:
    client = LeanClient(**how)
    client.greet()
    client.exchange()
    return client


def connect_and_log_in() -> LeanClient:
    client = connect()
    client.log_in()
    return client


def is_disconnected(client: LeanClient, answers: list[bytes], text: str) -> bool:
    """Whether the last message is a DISCONNECT with ``text`` in it."""
    return (
        client.dialogue.over
        and answers[-1][0] == 1
        and text.encode() in answers[-1]
        and client.dialogue.take(b"more") == b""
    )
