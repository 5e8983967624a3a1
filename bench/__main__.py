"""`python -m bench`: Patchbay beside its peers, in one run. `--quick` is for developers: Patchbay and nginx alone."""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from bench import growth, rows, servers, size
from bench.process import Missing
from bench.table import chart, middle
from bench.upstream import upstreams


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 90 seconds: no peers, short rounds")
    parser.add_argument("--gateways", default="Patchbay,LiteLLM,Portkey,nginx", help="which to compare, by name")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each round")
    parser.add_argument("--chart", type=Path, help="where to put the chart (SVG)")
    given = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        sys.exit("Two cores are needed: one for the gateway, one for the load and the upstream.")
    names = ["Patchbay", "nginx"] if given.quick else given.gateways.split(",")
    rounds, seconds = (2, 1) if given.quick else (given.rounds, given.seconds)
    load = os.getloadavg()[0]
    say(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load before: {load:.1f}, {rounds} rounds of {seconds} s")
    try:
        with tempfile.TemporaryDirectory() as folder, upstreams(Path(folder)) as upstream:
            bench = rows.Bench(Path(folder), upstream, names, rounds, seconds)
            say(servers.parts())
            rates = rows.throughput(bench, say)
            rows.latency(bench, middle(rates["Patchbay"]) / 2, say)
            rows.paced(bench, (200,) if given.quick else (200, 1000), say)
            size.start(bench, say)
            if not given.quick:
                servers.servers(bench, say)
                growth.growth(bench, say)
                growth.workers(bench, say)
                size.installation(say)
    except Missing as missing:
        sys.exit(str(missing))
    if given.chart:
        given.chart.write_text(chart("Small chats a second, one worker on one core", rates))


def say(text: str) -> None:
    print(text + "\n", flush=True)


if __name__ == "__main__":
    main()
