"""Runs one command and tells its time and its memory, as JSON on the last line of stderr.

    python bench/whole_run.py COMMAND [WORDS]

A process of its own, and a small one: the kernel counts what a process was before it became another
program to that program's peak (exec_mmap() of its fs/exec.c), so that a large parent would show.
"""

from __future__ import annotations

import json
import os
import sys
import time


def main() -> None:
    began = time.perf_counter()
    pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
    _, status, used = os.wait4(pid, 0)
    told = {
        "exit_code": os.waitstatus_to_exitcode(status),
        "wall_s": time.perf_counter() - began,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mib": used.ru_maxrss / 1024,
    }
    print(json.dumps(told), file=sys.stderr)


if __name__ == "__main__":
    main()
