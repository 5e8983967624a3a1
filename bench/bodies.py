"""What a long body costs in two checkouts: CPU of a chat and the worker's peak memory, over real sockets.

    python -m bench.bodies --tree BEFORE --tree AFTER [--rounds 6] [--seconds 2]

Both servers are up at once and take turns. Bodies of 400 KB and 2 MB: one text, many messages, token numbers.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from bench.gateways import key_headers
from bench.load import closed_loop
from bench.process import Program
from bench.steps import ROOT, worker
from bench.upstream import upstreams

_WORDS = "The quick brown fox jumps over the lazy dog, 42 times. "
_SIZES = {"400 KB": 400_000, "2 MB": 2_000_000}


def bodies() -> Mapping[str, Mapping[str, Any]]:
    """Messages before the model, as OpenAI's SDK writes them."""
    found: dict[str, Mapping[str, Any]] = {
        "small": {
            "messages": [{"role": "user", "content": "Hello, how are you today?"}],
            "model": "small",
            "temperature": 0.7,
        }
    }
    for size, length in _SIZES.items():
        text = {"role": "user", "content": _WORDS * (length // len(_WORDS))}
        short = {"role": "user", "content": _WORDS * 18}
        found[f"{size}, one text"] = {"messages": [text], "model": "small", "temperature": 0.7}
        found[f"{size}, messages"] = {"messages": [short] * (length // 1020), "model": "small", "temperature": 0.7}
    return found


def peak(program: Program) -> float:
    """MB of the largest process at its peak."""
    found = []
    for pid in program.pids():
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        found += [int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM")]
    return max(found)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.bodies", description=__doc__.split("\n")[0])
    parser.add_argument("--tree", type=Path, action="append", default=[])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=int, default=2)
    given = parser.parse_args()
    trees = [tree.resolve() for tree in given.tree or [ROOT]]
    with tempfile.TemporaryDirectory() as name, upstreams(Path(name)) as upstream:
        for title, fields in bodies().items():
            body = Path(name) / "body.json"
            body.write_text(json.dumps(fields))
            with ExitStack() as stack:
                programs = []
                for number, tree in enumerate(trees):
                    folder = Path(name) / f"{number}-{title}"
                    folder.mkdir()
                    programs.append(stack.enter_context(worker(tree, folder, upstream, "wsgi:app")))
                costs: list[list[float]] = [[] for _ in trees]
                for _ in range(given.rounds):
                    for found, program in zip(costs, programs, strict=True):
                        loop = closed_loop(program, key_headers(0), body, seconds=given.seconds)
                        if loop.failed:
                            raise SystemExit(f"{loop.failed} requests failed")
                        found.append(loop.cpu_ms)
                cells = [
                    f"{min(found):.3f} (median {median(found):.3f}) ms, {peak(program):.0f} MB"
                    for found, program in zip(costs, programs, strict=True)
                ]
                print(f"| {title} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
