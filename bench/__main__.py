"""`python -m bench`: Patchbay beside its peers, in one run. `--quick` is for developers: Patchbay and nginx alone."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench import growth, rows, servers, size
from bench.load import Closed
from bench.process import Missing
from bench.table import cell, chart, summary
from bench.upstream import upstreams

# What stands between these lines of the README comes from here.
_BEGIN, _END = "<!-- printed by make bench -->\n", "<!-- end of what make bench printed -->\n"


class Report:
    """Prints what was measured, and keeps it."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, text: str) -> None:
        self.texts.append(text)
        print(text + "\n", flush=True)


# A part of the report that is written by hand: bench.steps printed its figures.
PLAIN_SECTION = "\n## Plain mode"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 90 seconds: no peers, short rounds")
    parser.add_argument("--gateways", default="Patchbay,LiteLLM,Portkey,nginx", help="which to compare, by name")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each round")
    parser.add_argument("--chart", type=Path, help="where to put the chart (SVG)")
    parser.add_argument("--report", type=Path, help="where to put all that is printed (Markdown)")
    parser.add_argument("--readme", type=Path, help="the file whose table of figures is to be replaced")
    given = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        sys.exit("Two cores are needed: one for the gateway, one for the load and the upstream.")
    say = Report()
    try:
        measured = measure(given, say)
    except Missing as missing:
        sys.exit(str(missing))
    if given.chart:
        titles = {
            rows.SMALL: "Small chats a second, one worker on one core",
            rows.STREAMS: "Streams of 100 chunks a second",
        }
        titles |= {rows.MESSAGES: "Chats of 399 messages (400 KB) a second"}
        given.chart.write_text(chart({title: measured.rates(row) for row, title in titles.items()}))
    if given.report:
        _, mark, plain = given.report.read_text().partition(PLAIN_SECTION) if given.report.exists() else ("", "", "")
        given.report.write_text("# What `make bench` printed\n\n" + "\n\n".join(say.texts) + f"\n{mark}{plain}")
    if given.readme:
        replace_figures(given.readme, f"{say.texts[0]}:\n\n{overview(measured)}\n")


def measure(given: argparse.Namespace, say: Report) -> rows.Measured:
    names = ["Patchbay", "nginx"] if given.quick else given.gateways.split(",")
    rounds, seconds = (2, 1) if given.quick else (given.rounds, given.seconds)
    load = os.getloadavg()[0]
    say(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load before: {load:.1f}, {rounds} rounds of {seconds} s")
    with tempfile.TemporaryDirectory() as folder, upstreams(Path(folder)) as upstream:
        bench = rows.Bench(Path(folder), upstream, names, rounds, seconds)
        say(servers.parts())
        measured = rows.throughput(bench, say)
        rows.latency(bench, median(measured.rates(rows.SMALL)["Patchbay"]) / 2, say)
        rows.paced(bench, (200,) if given.quick else (200, 1000), say)
        size.start(bench, say)
        if not given.quick:
            servers.servers(bench, say)
            growth.growth(bench, say)
            growth.workers(bench, say)
            size.installation(say)
    return measured


def overview(measured: rows.Measured) -> str:
    """The table of the README: each gateway's rates, and its memory and first answer."""
    titles = {rows.SMALL: "small chats/s", rows.STREAMS: "100-chunk streams/s"}
    titles |= {rows.LONG_TEXT: "400 KB in one text/s", rows.MESSAGES: "400 KB in 399 messages/s"}
    columns = {
        title: {name: _rate(turns) for name, turns in measured.rounds[row].items()} for row, title in titles.items()
    }
    columns["memory after"] = {name: f"{size:.0f} MB" for name, size in measured.memory.items()}
    columns["first answer"] = {name: f"{seconds:.2f} s" for name, seconds in measured.ready.items()}
    return summary(list(measured.ready), columns)


def _rate(turns: Sequence[Closed]) -> str:
    failed = sum(one.failed for one in turns)
    return cell([one.rate for one in turns]) + (f", {failed} errors" if failed else "")


def replace_figures(readme: Path, text: str) -> None:
    before, _, rest = readme.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    readme.write_text(before + _BEGIN + text + _END + after)


if __name__ == "__main__":
    main()
