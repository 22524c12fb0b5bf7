"""The output of ``ss -s``, byte for byte, from the files that it reads.

Format and arithmetic: print_summary() of iproute2's misc/ss.c (6.1). "closed" there includes
TIME_WAIT, and INET leaves UDPLITE out.
"""

from __future__ import annotations

from ...collector.probe.sockstat import Sockstat

__all__ = ["MissingCounterError", "ss_summary"]


class MissingCounterError(ValueError):
    """The files lack counters that ``ss -s`` prints; the text names them all."""


def ss_summary(sockstat: Sockstat, sockstat6: Sockstat | None, tcp_estab: int | None) -> str:
    """Return the summary of ``ss -s``; without a sockstat6 file (IPv6 is off) IPv6 counts as 0.

    Raises MissingCounterError for a missing counter, for which ss itself prints 0.
    """
    missing = list[str]()

    def count(file: Sockstat, name: str, key: str) -> int:
        value = file.get(name, key)
        if value is None:
            missing.append(f"{key} of {name}")
        return value or 0

    def both(name: str) -> tuple[int, int]:
        ipv6 = 0 if sockstat6 is None else count(sockstat6, f"{name}6", "inuse")
        return count(sockstat, name, "inuse"), ipv6

    total, tw = count(sockstat, "sockets", "used"), count(sockstat, "TCP", "tw")
    alloc, orphan = count(sockstat, "TCP", "alloc"), count(sockstat, "TCP", "orphan")
    raw, udp, tcp, frag = both("RAW"), both("UDP"), both("TCP"), both("FRAG")
    if tcp_estab is None:
        missing.append("CurrEstab of Tcp in net/snmp (the established count)")
    if missing:
        raise MissingCounterError(", ".join(missing))
    inet = (raw[0] + udp[0] + tcp[0], raw[1] + udp[1] + tcp[1])
    rows = (("RAW", raw), ("UDP", udp), ("TCP", tcp), ("INET", inet), ("FRAG", frag))
    return (
        f"Total: {total}\n"
        f"TCP:   {alloc + tw} (estab {tcp_estab}, closed {alloc - (sum(tcp) - tw)}, "
        f"orphaned {orphan}, timewait {tw})\n"
        "\n"
        "Transport Total     IP        IPv6\n"
        + "".join(f"{name}\t  {sum(row):<9} {row[0]:<9} {row[1]:<9}\n" for name, row in rows)
        + "\n"
    )
