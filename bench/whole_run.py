"""Run one command and print its time and memory as JSON on the last line of stderr.

    python bench/whole_run.py COMMAND [WORDS]

It is a small process of its own, because the kernel counts the memory of a process before exec to
the peak of the new program (exec_mmap() in its fs/exec.c), so that a large parent would count.
"""

from __future__ import annotations

import json
import os
import sys
import time


def main() -> None:
    began = time.perf_counter()
    pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
    _, status, rusage = os.wait4(pid, 0)
    usage = {
        "exit_code": os.waitstatus_to_exitcode(status),
        "wall_s": time.perf_counter() - began,
        "cpu_s": rusage.ru_utime + rusage.ru_stime,
        "peak_mib": rusage.ru_maxrss / 1024,
    }
    print(json.dumps(usage), file=sys.stderr)


if __name__ == "__main__":
    main()
