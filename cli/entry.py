"""The console script: signals and failures of this machine end in an exit code, not a traceback.

Everything else is imported once both are handled. A signal that arrives before, while Python itself
starts, ends it in Python's own way.
"""

from __future__ import annotations

import gc
import os
import sys

from ..core.exit_codes import Exit, code_for_signal
from ..core.stop_signals import Interrupted, handle_stop_signals, received

__all__ = ["run"]


def run() -> None:
    """Run the command line and exit."""
    gc.disable()  # as `main` does, which it imports
    try:
        handle_stop_signals()
        from .main import main

        main()
    except Interrupted:
        sys.exit(code_for_signal(received[0]))
    except Exception as error:  # `main` reports its own; here its import has failed
        from contextlib import suppress

        from ..core.local_failure import describe_local_failure, exit_at_once

        problem = describe_local_failure(error)
        if problem is None:
            raise
        with suppress(OSError):  # a closed stderr
            os.write(2, f"sockfleet: error: {problem}\n".encode("utf-8", "backslashreplace"))
        exit_at_once(Exit.LOCAL)
