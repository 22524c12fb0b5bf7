"""Coverage-guided fuzzing of one target: ``fuzz.py TARGET [OPTIONS OF LIBFUZZER]``.

The first folder among the options gets the inputs that reach new code; without one it is a
temporary folder: ``fuzz.py probe /tmp/new tests/fuzz/corpus/probe -max_total_time=600``. An input
that breaks the target is written to ``crash-…``; add it to the corpus together with the fix, so
that `test_corpus` runs it. ``-runs=N`` bounds the run; ``-seed=N`` repeats one.

Needs atheris (the dependency group "fuzz").
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sockfleet", "targets"]):
    from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"


def main() -> None:
    """Fuzz the target that the command line names, or every target for ``all``."""
    name, *options = sys.argv[1:] or ["-h"]
    if name == "all":
        for each in TARGETS:
            print(f"== {each}", flush=True)
            code = os.spawnv(
                os.P_WAIT, sys.executable, [sys.executable, "-m", __spec__.name, each, *options]
            )
            if code:
                sys.exit(code)
        return
    if name not in TARGETS:
        sys.exit(f"{__doc__}\nTARGET is one of: all, {', '.join(TARGETS)}")
    os.environ["PATH"] = ""  # an input that needs Ansible is then refused and starts no program
    logging.disable()
    with tempfile.TemporaryDirectory() as new:
        folders = [] if any(not o.startswith("-") for o in options) else [new, str(CORPUS / name)]
        atheris.Setup([sys.argv[0], *folders, *options], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
