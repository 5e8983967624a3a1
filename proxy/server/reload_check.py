"""The check of a configuration before it is served, in a process of its own: `python -m proxy.server.reload_check FOLDER`.

It reads `request.json` in the folder of the gateway's ConfigState and writes `result.json`; of a good configuration also
`candidate.json`, a Snapshot. Whatever it meets, the gateway is not affected.
"""

import gc
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from proxy.assembly.reload import find_worker_changes
from proxy.host.config_state import ConfigState, Snapshot
from proxy.server.check_result import CANDIDATE, REQUEST, RESULT, CheckResult
from proxy.server.start_check import REFUSED, StartError, check_start, facts_of
from proxy.settings import ConfigError, Settings, environment
from proxy.settings.files import DiskTexts
from proxy.settings.load import load_kept
from proxy.web.parts import EXTENSION

_LONGEST_REASON = 4000


def check(state: ConfigState, addresses: Sequence[Any], version: int) -> CheckResult:
    """Build what a worker would build. A good configuration becomes the candidate, as `version`."""
    texts = DiskTexts()
    environ = environment()
    try:
        start = check_start(environ, addresses, texts)
        _build(start.settings)
        served = state.snapshot()
        changes = () if served is None else find_worker_changes(load_kept(environ, served), start.settings)
    except (StartError, ConfigError) as error:
        return CheckResult(str(error).removeprefix(REFUSED).strip()[:_LONGEST_REASON], files=tuple(texts.read_texts))
    candidate = Snapshot(version, texts.read_texts, start.settings.secret_sources.digest)
    state.write(CANDIDATE, candidate._asdict())
    is_new = served is None or served[1:] != candidate[1:]
    return replace(facts_of(start, texts), is_new=is_new, worker_changes=changes)


def _build(settings: Settings) -> None:
    """The whole application, as a worker builds it: raise ConfigError for what only shows then."""
    from app import create_app  # noqa: PLC0415  the composition root

    create_app(settings).extensions[EXTENSION].close()


def main() -> None:
    gc.disable()
    state = ConfigState(Path(sys.argv[1]))
    request = state.read(REQUEST) or {}
    addresses = [tuple(address) if isinstance(address, list) else address for address in request["addresses"]]
    state.write(RESULT, asdict(check(state, addresses, request["version"])))


if __name__ == "__main__":
    main()
