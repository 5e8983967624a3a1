"""Does a request cost more when there is more of something? Deployments, keys, tags, models of a batch, bytes of an image,
workers. CPU is compared, not requests a second: on a machine with two cores that is what does not depend on the load's part.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from bench.gateways import deployment, floor, key_headers, patchbay, write_config
from bench.load import Closed
from bench.process import ALL_CORES, SERVED_CORE
from bench.rows import Bench, Load, failures
from bench.table import cell, facts, short
from bench.upstream import upstreams

MANY_DEPLOYMENTS, MANY = 1000, 10_000
_HEADERS = key_headers(0)
Say = Callable[[str], None]


def growth(bench: Bench, say: Say) -> None:
    deployments(bench, say)
    keys_and_tags(bench, say)
    batch_and_image(bench, say)


def deployments(bench: Bench, say: Say) -> None:
    """One deployment, beside 999 of other models, and among 1,000 of the same model."""
    port, rest = bench.upstream.small, range(MANY_DEPLOYMENTS - 1)
    others = write_config(
        bench.folder, bench.upstream, [deployment(f"other-{number}", port) for number in rest], name="others"
    )
    same = write_config(bench.folder, bench.upstream, [deployment("small", port) for _ in rest], name="same")
    with (
        patchbay(bench.folder, bench.upstream) as one,
        patchbay(bench.folder, bench.upstream, config=others) as beside,
        patchbay(bench.folder, bench.upstream, config=same) as among,
    ):
        body = bench.body("small")
        loads = {
            "1 deployment": Load(one, _HEADERS, body),
            "1,000, each its own model": Load(beside, _HEADERS, body),
            "1,000 of one model": Load(among, _HEADERS, body),
        }
        say(costs("CPU of a small chat, deployments", bench.turns(loads)))


def keys_and_tags(bench: Bench, say: Say) -> None:
    """Clients that bring keys of their own, calls with tags, and a model whose deployments are told apart by tags."""
    with patchbay(bench.folder, bench.upstream) as program:
        bodies = {
            "key of a client": bench.body("small", api_key="sk-client-VARIANT"),
            "tag in calls": bench.body("small", metadata={"tags": ["team-VARIANT"]}),
        }
        before = program.memory()
        for kind, body in bodies.items():
            found = bench.turns(
                {
                    f"1 {kind}": Load(program, _HEADERS, body, variants=1),
                    "10,000 of them": Load(program, _HEADERS, body, variants=MANY),
                }
            )
            say(costs(f"CPU of a small chat, {kind}", found))
        say(facts("keys and tags", [("memory that all of these took", f"{program.memory() - before:.0f} MB")]))
    with (
        patchbay(bench.folder, bench.upstream, config=_tagged(bench, 1)) as one,
        patchbay(bench.folder, bench.upstream, config=_tagged(bench, MANY)) as many,
    ):
        loads = {
            "1 deployment with a tag": Load(one, _HEADERS, bench.body("small", tags=["team-00000"])),
            "10,000 with a tag each": Load(many, _HEADERS, bench.body("small", tags=["team-VARIANT"]), variants=MANY),
        }
        say(costs("CPU of a small chat, deployments of one model chosen by tag", bench.turns(loads)))


def _tagged(bench: Bench, count: int) -> Path:
    tagged = [deployment("small", bench.upstream.small, [f"team-{number:05d}"]) for number in range(count)]
    return write_config(bench.folder, bench.upstream, tagged, {"enable_tag_filtering": True}, name=f"tagged-{count}")


def batch_and_image(bench: Bench, say: Say) -> None:
    with patchbay(bench.folder, bench.upstream) as program:
        loads = {
            "a call alone": Load(program, _HEADERS, bench.body("small")),
            "a batch of 16": Load(program, _HEADERS, bench.body(",".join(["small"] * 16)), connections=4),
        }
        found = bench.turns(loads)
        alone, batch = ([one.cpu_ms for one in found[name]] for name in loads)
        before = program.memory()
        picture = [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 2_000_000}}]
        image = Load(program, _HEADERS, bench.body("small", picture), connections=1).run(bench.seconds)
        more = program.memory() - before
    each = [cost / 16 for cost in batch]
    rows = [
        ("CPU of a call alone", f"{cell(alone)} ms"),
        ("CPU of a call in a batch of 16", f"{cell(each)} ms, {median(each) / median(alone):.2f}x"),
        ("2 MB image", f"{short(image.rate)} requests/s, {short(image.cpu_ms)} ms of CPU, {more:.0f} MB more memory"),
    ]
    say(facts("batch, image", rows) + failures(found))


def workers(bench: Bench, say: Say) -> None:
    """One worker with one core for everything, its load and its upstream too, beside two workers with two; and the same with a
    Flask view that shares nothing between its workers, to see what the machine allows."""
    with contextlib.ExitStack() as stack:
        loads: dict[str, Load] = {}
        for count, core in ((1, SERVED_CORE), (2, ALL_CORES)):
            folder = bench.folder / f"workers-{count}"
            upstream = stack.enter_context(upstreams(folder, core))
            programs = {
                "Patchbay": patchbay(folder, upstream, options=("--workers", str(count)), core=core),
                "Flask alone": floor(folder, upstream, workers=count, core=core),
            }
            for name, program in programs.items():
                started = stack.enter_context(program)
                body, connections = bench.body("small"), 16 * count
                loads[f"{name}, {count} of each"] = Load(started, _HEADERS, body, connections=connections, core=core)
        found = bench.turns(loads)
    rates = {name: [one.rate for one in turns] for name, turns in found.items()}
    rows = [
        (name, f"{cell(rates[name])} requests/s, {cell([one.cpu_ms for one in turns])} ms of CPU each")
        for name, turns in found.items()
    ]
    for name in programs:
        one, two = (median(rates[f"{name}, {count} of each"]) for count in (1, 2))
        rows.append((f"{name}, 2 to 1", f"{two / one:.2f}x"))
    say(facts("workers and cores, load and upstream on the same cores", rows) + failures(found))


def costs(title: str, found: Mapping[str, list[Closed]], more: Sequence[tuple[str, str]] = ()) -> str:
    """CPU of each, and how many times the first one's."""
    values = {name: [one.cpu_ms for one in turns] for name, turns in found.items()}
    first = median(next(iter(values.values())))
    rows = [(name, f"{cell(costs)} ms, {median(costs) / first:.2f}x") for name, costs in values.items()]
    return facts(title, [*rows, *more]) + failures(dict(found))
