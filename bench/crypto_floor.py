"""The crypto floor: the cryptography that every login needs.

    python bench/crypto_floor.py LOGINS     one of the processes of `floor_wall_ms`

It is one X25519 exchange with a fresh key, one Ed25519 signature and one verification. A budget in
units of it is valid on slow and fast machines.

This module imports nothing of sockfleet, because clients in other Python environments measure the
floor too.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from subprocess import PIPE, Popen

__all__ = ["floor_ms", "floor_wall_ms"]

_WARM_UP, _LOGINS = 20, 200
_SHARED_LOGINS = 2_500


def floor_ms() -> float:
    """Return the CPU time of one login's floor, in ms."""
    log_in = _prepare()
    began = time.process_time()
    log_in(_LOGINS)
    return (time.process_time() - began) * 1e3 / _LOGINS


def floor_wall_ms(processes: int) -> float:
    """Return the wall time of one login's floor, in ms, when ``processes`` share the logins.

    Raises RuntimeError if one of them fails.
    """
    each = _SHARED_LOGINS // processes
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                Popen([sys.executable, __file__, str(each)], stdin=PIPE, stdout=PIPE)
            )
            for _ in range(processes)
        ]
        # All begin together: each writes a line when it is ready, and waits for one.
        for process in running:
            assert process.stdout is not None
            if process.stdout.readline() != b"ready\n":
                raise RuntimeError("the crypto floor could not be measured")
        began = time.perf_counter()
        for process in running:
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
        for process in running:
            assert process.stdout is not None
            process.stdout.readline()
        wall_s = time.perf_counter() - began
    return wall_s * 1e3 / (each * processes)


def _prepare() -> Callable[[int], None]:
    """Return a function that does the work of N logins, after a warm-up."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    server, key = X25519PrivateKey.generate().public_key(), Ed25519PrivateKey.generate()
    public, message = key.public_key(), os.urandom(32)
    signature = key.sign(message)

    def log_in(times: int) -> None:
        for _ in range(times):
            X25519PrivateKey.generate().exchange(server)
            public.verify(signature, message)
            key.sign(message)

    log_in(_WARM_UP)
    return log_in


def main() -> None:
    log_in = _prepare()
    print("ready", flush=True)
    sys.stdin.readline()
    log_in(int(sys.argv[1]))
    print("done", flush=True)


if __name__ == "__main__":
    main()
