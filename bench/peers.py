"""Every client of the comparison, by name, in the order of the tables."""

from __future__ import annotations

from client_cpu import Peer
from peers_commands import COMMANDS
from peers_libraries import LIBRARIES
from peers_native import NATIVE
from peers_sockfleet import OURS

PEERS: dict[str, Peer] = {peer.name: peer for peer in (*OURS, *NATIVE, *LIBRARIES, *COMMANDS)}
