"""The fault matrix: what a client sees of each fault, in each format, before and after the first content.

docs/streams.md holds the table; a run prints it (`pytest -s`).
"""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.live.faults import AFTER_ONLY, BEFORE_ONLY, FAULTS, FORMATS, FaultyProvider, deployment, text_of
from tests.live.http import Stream, wait_until
from tests.live.servers import ROOT, WORKER_CLASSES, Server, gateway

QUESTION = [{"role": "user", "content": "go on"}]
SEED = 7
MOMENTS = ("before", "after", "continued")
# What happens before the first content is invisible; what happens behind the finish has broken nothing.
WHOLE = {"dribble, a byte at a time", "finished, connection stays open", "finished, connection reset"}
LATE_ENDINGS = {"anthropic": "error event"}


def expected(form: str, fault: str, moment: str) -> str:
    if moment == "before":
        return "whole" if fault in WHOLE else "another answers"
    if fault in WHOLE or (fault == "finished, last event missing" and form not in LATE_ENDINGS):
        return "whole"
    return "error event" if moment == "after" else "continued"


def cells() -> Iterator[tuple[str, str, str]]:
    for form in FORMATS:
        for fault in FAULTS:
            for moment in MOMENTS:
                applies = fault not in (AFTER_ONLY if moment == "before" else BEFORE_ONLY)
                if applies:
                    yield form, fault, moment


def name_of(form: str, fault: str, moment: str) -> str:
    return f"{form}-{FAULTS.index(fault)}-{moment}"


@pytest.fixture(scope="module")
def provider() -> Iterator[FaultyProvider]:
    with FaultyProvider() as running:
        yield running


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def server(
    request: pytest.FixtureRequest, provider: FaultyProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    good = [(f"good-{form}", deployment(provider.port, form, "good", seed=SEED)) for form in FORMATS]
    bad = [
        (name_of(*cell), deployment(provider.port, cell[0], cell[1], cell[2].replace("continued", "after"), SEED))
        for cell in cells()
    ]
    config = {
        "model_list": [{"model_name": name, "litellm_params": params} for name, params in (*good, *bad)],
        "router_settings": {
            "num_retries": 0,
            "disable_cooldowns": True,
            "first_token_timeout": 1.5,
            "idle_timeout": 1.5,
            "timeout": 4,
            "fallbacks": [{name_of(*cell): [f"good-{cell[0]}"]} for cell in cells()],
        },
    }
    with gateway(config, tmp_path_factory.mktemp("faults"), worker_class=request.param) as running:
        yield running


def outcome(server: Server, form: str, fault: str, moment: str) -> tuple[str, str, str]:
    """(what the client saw, the text that it got, the call's id)"""
    body = {"model": name_of(form, fault, moment), "messages": QUESTION, "stream_continuation": moment == "continued"}
    stream = Stream(server, body, timeout=30)
    call_id = stream.headers["x-litellm-call-id"]
    if stream.status != 200:
        return f"status {stream.status}", "", call_id
    events = list(stream)
    chunks = [json.loads(event) for event in events if event.startswith("{")]
    text = "".join(
        choice["delta"].get("content") or "" for chunk in chunks for choice in chunk.get("choices") or () if choice
    )
    errors = [chunk for chunk in chunks if "error" in chunk]
    if errors:
        assert len(errors) == 1 and chunks[-1] is errors[0] and "[DONE]" not in events, events[-3:]
        assert errors[0]["error"]["type"] and errors[0]["error"]["message"], errors[0]
        return "error event", text, call_id
    assert events[-1] == "[DONE]" and events.count("[DONE]") == 1, events[-3:]
    assert sum(bool(choice.get("finish_reason")) for chunk in chunks for choice in chunk["choices"]) == 1
    if any("continued" in chunk for chunk in chunks):
        assert any(event.startswith(": the answer broke off") for event in events)
        return "continued", text, call_id
    return ("another answers" if stream.headers["x-litellm-attempted-fallbacks"] == "1" else "whole"), text, call_id


def table(seen: dict[tuple[str, str, str], str]) -> str:
    lines = ["| fault | format | before the first content | after it | after it, with `stream_continuation` |"]
    lines.append("|---|---|---|---|---|")
    for fault in FAULTS:
        rows: dict[tuple[str, ...], list[str]] = {}
        for form in FORMATS:
            rows.setdefault(tuple(seen.get((form, fault, moment), "-") for moment in MOMENTS), []).append(form)
        for row, forms in rows.items():
            among = "all" if len(forms) == len(FORMATS) else ", ".join(forms)
            lines.append(f"| {fault} | {among} | {' | '.join(row)} |")
    return "\n".join(lines)


def test_outcome_is_the_documented_one_when_a_provider_misbehaves(server: Server, provider: FaultyProvider) -> None:
    todo = list(cells())
    with ThreadPoolExecutor(32) as pool:
        results = dict(zip(todo, pool.map(lambda cell: outcome(server, *cell), todo), strict=True))
    seen = {cell: result[0] for cell, result in results.items()}
    printed = table(seen)
    print(f"\n{printed}")
    assert {cell: told for cell, told in seen.items() if told != expected(*cell)} == {}
    for (form, fault, moment), (told, text, _) in results.items():
        if told in ("continued", "another answers"):
            assert text == text_of(SEED), (form, fault, moment)
    assert printed in (ROOT / "docs" / "streams.md").read_text(), "docs/streams.md is stale: it holds this table"
    assert wait_until(lambda: provider.open <= len(FORMATS) * 32, 3)
    _check_records(server, results)


def _check_records(server: Server, results: dict[tuple[str, str, str], tuple[str, str, str]]) -> None:
    def records() -> dict[str, Any]:
        lines = [json.loads(line) for line in server.output().splitlines() if line.startswith("{")]
        return {line["x-litellm-call-id"]: line for line in lines if "x-litellm-call-id" in line}

    ids = {result[2] for result in results.values()}
    assert wait_until(lambda: ids <= records().keys(), 5)
    found = records()
    for cell, (told, _, call_id) in results.items():
        assert (found[call_id]["status"] == 200) is (told != "error event"), (cell, found[call_id])


def test_path_of_every_fault_is_in_the_matrix() -> None:
    assert len(FAULTS) >= 14
    assert {cell[1] for cell in cells()} == set(FAULTS)
    assert re.search(r"make soak-streams", Path(ROOT / "docs" / "streams.md").read_text())
