"""`python -m tests.fuzz [SECONDS] [TARGET...]`: all targets in turn, for so long; prints how many inputs each has tried."""

import logging
import sys
import time

from tests.fuzz.targets import build_targets, run

_STEP = 50


def main(seconds: float, names: list[str]) -> int:
    logging.disable(logging.CRITICAL)
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
                run(attempt, seed, _STEP)
            except AssertionError as error:
                failed[name] = str(error)
        seed += _STEP
    for name in targets:
        print(f"{name}: {seed - first} inputs{', FAILED' if name in failed else ''}")
    for name, problem in failed.items():
        print(f"\n{name}: {problem[:3000]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 600.0, sys.argv[2:]))
