"""`python -m tests.fuzz [SECONDS] [TARGET...]`: all targets in turn, for so long; prints how many inputs each has tried."""

import logging
import os
import sys
import time

from tests.fuzz.targets import build_targets, run

_STEP = 50
# Inputs for each one of the others, which need a whole application.
_CHEAP = {"parser": 10, "guard": 20, "json": 5, "quotes": 5}


def main(seconds: float, names: list[str]) -> int:
    logging.disable(logging.CRITICAL)
    # The lines of the calls.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    targets = {name: attempt for name, attempt in build_targets().items() if not names or name in names}
    # Another seed each time; the one of a failure is printed.
    first = seed = int(time.time()) * 1000
    failed: dict[str, str] = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end and len(failed) < len(targets):
        for name, attempt in targets.items():
            if name in failed:
                continue
            try:
                run(attempt, seed * _CHEAP.get(name, 1), _STEP * _CHEAP.get(name, 1))
            except AssertionError as error:
                failed[name] = str(error)
        seed += _STEP
    for name in targets:
        print(f"{name}: {(seed - first) * _CHEAP.get(name, 1)} inputs{', FAILED' if name in failed else ''}")
    for name, problem in failed.items():
        print(f"\n{name}: {problem[:3000]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 600.0, sys.argv[2:]))
