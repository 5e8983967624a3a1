"""Writes the bundled price table from the public price file: `python -m proxy.accounting.build_prices FILE`."""

import sys
from pathlib import Path

import orjson

from proxy.accounting.prices import BUNDLED, parse_all
from proxy.accounting.rows import to_compact


def build(public: bytes) -> bytes:
    """The table's lines, sorted, so that two price files can be compared by their difference."""
    rows = parse_all(orjson.loads(public))
    lines = [name.encode() + b"\t" + orjson.dumps(to_compact(row)) for name, row in sorted(rows.items())]
    return b"\n".join(lines) + b"\n"


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m proxy.accounting.build_prices PUBLIC_PRICE_FILE\n")
        return 2
    BUNDLED.write_bytes(build(Path(arguments[0]).read_bytes()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
