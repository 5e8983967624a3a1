"""The fault matrix for clients that speak Google's form: what they see of each fault, native and translated.

docs/streams.md holds the table; a run prints it (`pytest -s`).
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live.faults import (
    AFTER_ONLY,
    BEFORE_ONLY,
    FAULTS,
    FORMATS,
    FaultyProvider,
    deployment,
    text_of,
)
from tests.live.http import Stream, wait_until
from tests.live.servers import ROOT, WORKER_CLASSES, Server, gateway

Cell = tuple[str, str, str]

SEED = 7
MOMENTS = ("before", "after", "continued")
ALL_FORMATS = tuple(FORMATS)
NATIVE = ("gemini",)
WHOLE = {"dribble, a byte at a time", "finished, connection stays open", "finished, connection reset"}


def expected(form: str, fault: str, moment: str) -> str:
    if moment == "before":
        return "whole" if fault in WHOLE else "another answers"
    if fault in WHOLE or (fault == "finished, last event missing" and form != "anthropic"):
        return "whole"
    # A native answer is its provider's events: nothing can be joined to them.
    return "continued" if moment == "continued" and form not in NATIVE else "error event"


def cells() -> Iterator[Cell]:
    for form in ALL_FORMATS:
        for fault in FAULTS:
            for moment in MOMENTS:
                if fault not in (AFTER_ONLY if moment == "before" else BEFORE_ONLY):
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
    models = [(f"good-{form}", deployment(provider.port, form, "good", seed=SEED)) for form in ALL_FORMATS]
    for cell in cells():
        moment = cell[2].replace("continued", "after")
        models.append((name_of(*cell), deployment(provider.port, cell[0], cell[1], moment, SEED)))
    config = {
        "model_list": [{"model_name": name, "litellm_params": params} for name, params in models],
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


def outcome(server: Server, form: str, fault: str, moment: str) -> tuple[str, str]:
    """(what the client saw, the text that it got)"""
    body = {"contents": [{"role": "user", "parts": [{"text": "go on"}]}], "stream_continuation": moment == "continued"}
    path = f"/v1beta/models/{name_of(form, fault, moment)}:streamGenerateContent?alt=sse"
    stream = Stream(server, body, timeout=30, path=path)
    if stream.status != 200:
        return f"status {stream.status}", ""
    # Google's SDKs take anything but white space and data for an answer.
    events = [json.loads(line) for line in stream if line.strip()]
    candidates = [candidate for event in events for candidate in event.get("candidates", ())]
    parts = [part for candidate in candidates for part in candidate.get("content", {}).get("parts", ())]
    text = "".join(part["text"] for part in parts)
    finishes = [candidate["finishReason"] for candidate in candidates if "finishReason" in candidate]
    if any("error" in event for event in events):
        assert finishes == [], "a false end"
        assert [index for index, event in enumerate(events) if "error" in event] == [len(events) - 1]
        error = events[-1]["error"]
        assert error["code"] >= 400 and error["message"] and error["status"]
        return "error event", text
    assert finishes == ["STOP"], events[-3:]
    if (
        moment == "continued"
        and text == text_of(SEED)
        and fault not in WHOLE
        and expected(form, fault, moment) != "whole"
    ):
        return "continued", text
    return ("another answers" if stream.headers["x-litellm-attempted-fallbacks"] == "1" else "whole"), text


def table(seen: dict[Cell, str]) -> str:
    lines = ["| fault | format | before the first content | after it | after it, with `stream_continuation` |"]
    lines.append("|---|---|---|---|---|")
    for fault in FAULTS:
        rows: dict[tuple[str, ...], list[str]] = {}
        for form in ALL_FORMATS:
            rows.setdefault(tuple(seen.get((form, fault, moment), "-") for moment in MOMENTS), []).append(form)
        for row, forms in rows.items():
            among = "all" if len(forms) == len(ALL_FORMATS) else ", ".join(forms)
            lines.append(f"| {fault} | {among} | {' | '.join(row)} |")
    return "\n".join(lines)


def test_outcome_is_the_documented_one_when_a_provider_misbehaves(server: Server, provider: FaultyProvider) -> None:
    todo = list(cells())
    with ThreadPoolExecutor(32) as pool:
        results = dict(zip(todo, pool.map(lambda cell: outcome(server, *cell), todo), strict=True))
    seen = {cell: result[0] for cell, result in results.items()}
    printed = table(seen)
    print(f"\n{printed}")
    assert {cell: found for cell, found in seen.items() if found != expected(*cell)} == {}
    for cell, (found, text) in results.items():
        if found in ("continued", "another answers"):
            assert text == text_of(SEED), cell
    assert printed in (ROOT / "docs" / "streams.md").read_text(), "docs/streams.md is stale: it holds this table"
    assert wait_until(lambda: provider.open <= len(ALL_FORMATS) * 32, 3)
