"""Does each deployment answer? One small real request to each, in parallel."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from proxy.domain.attempt import Result, Send
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, COMPLETIONS, EMBEDDINGS, MODERATIONS, Operation
from proxy.domain.wire import Clocks
from proxy.errors import GatewayError

_CLOCKS = Clocks(connect=5.0, first=20.0, idle=20.0, total=20.0)
_PARALLEL = 16
# By `model_info.mode`, as LiteLLM spells it.
_PROBES: Mapping[str, tuple[Operation, Mapping[str, Any]]] = {
    "chat": (CHAT, {"messages": [{"role": "user", "content": "Say hi."}], "max_tokens": 5}),
    "completion": (COMPLETIONS, {"prompt": "Say hi.", "max_tokens": 5}),
    "embedding": (EMBEDDINGS, {"input": ["hi"]}),
    "moderation": (MODERATIONS, {"input": "hi"}),
}

Report = dict[str, Any]


def probe(
    deployments: Sequence[Deployment], send: Send, new_id: Callable[[], str], mask: Callable[[str], str]
) -> tuple[list[Report], list[Report]]:
    """(those that answer, those that don't and why). Wildcards are left out: they name no model to ask."""
    asked = [deployment for deployment in deployments if not deployment.wildcard]
    if not asked:
        return [], []
    with ThreadPoolExecutor(max_workers=min(_PARALLEL, len(asked))) as pool:
        errors = list(pool.map(lambda deployment: _ask(deployment, send, new_id()), asked))
    pairs = list(zip(asked, errors, strict=True))
    healthy = [_report(deployment) for deployment, error in pairs if error is None]
    unhealthy = [{**_report(deployment), "error": mask(error)} for deployment, error in pairs if error is not None]
    return healthy, unhealthy


def _ask(deployment: Deployment, send: Send, call_id: str) -> str | None:
    operation, fields = _PROBES.get(deployment.info.get("mode", "chat"), _PROBES["chat"])
    model = deployment.info.get("health_check_model") or deployment.model
    call = Call(call_id, operation, deployment.group, Document.of({"model": model, **fields}))
    try:
        send(call, deployment, _CLOCKS, _ignore)
    except GatewayError as error:
        return error.message
    return None


def _ignore(result: Result) -> None:
    """A probe is not traffic: it counts for no limit and cools nothing."""


def _report(deployment: Deployment) -> Report:
    report: Report = {"model": deployment.label, "model_name": deployment.group, "model_id": deployment.id}
    if deployment.api_base:
        report["api_base"] = deployment.shown_base
    return report
