"""The same application under other servers and settings of them, beside what Flask and gunicorn alone allow."""

import contextlib
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from bench.gateways import GATEWAYS, Gateway, floor, key_headers, patchbay
from bench.rows import Bench, report
from bench.table import facts


def servers(bench: Bench, say: Callable[[str], None]) -> None:
    """Small chats and streams under each server that is installed; what is not is said in a word."""
    choices = [GATEWAYS["Patchbay"]]
    choices.append(Gateway("gthread", partial(patchbay, options=("--worker-class", "gthread")), key_headers))
    if installed("granian"):
        choices.append(Gateway("granian", partial(patchbay, options=("--server", "granian")), key_headers))
    choices.append(Gateway("Flask alone, no gateway", floor, key_headers))
    with contextlib.ExitStack() as stack:
        running = {one: stack.enter_context(one.start(bench.folder, bench.upstream)) for one in choices}
        say(report("servers: small chat", bench.interleaved(running, bench.body("small"), bench.upstream.small)))
        running = {one: program for one, program in running.items() if one is not choices[-1]}
        streams = bench.interleaved(running, bench.body("stream", stream=True), bench.upstream.stream)
        say(report("servers: streams of 100 chunks", streams))
        say(facts("memory after that", [(one.name, f"{program.memory():.0f} MB") for one, program in running.items()]))


def parts() -> str:
    """The versions of the servers; `Patchbay` is measured under gunicorn everywhere."""
    return facts("servers", [(name, installed(name) or "not installed") for name in ("gunicorn", "gevent", "granian")])


def installed(package: str) -> str | None:
    """Its version; None where it isn't."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
