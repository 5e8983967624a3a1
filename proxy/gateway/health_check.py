"""Does each deployment answer? One small real request to each, in parallel."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from proxy.accounting.prices import PriceTable
from proxy.domain.answer import StreamReply
from proxy.domain.attempt import Result, Send
from proxy.domain.call import Call, Options
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import BY_MODE, CHAT, EMBEDDINGS, OPERATIONS, Operation
from proxy.domain.upload import Upload, UploadedFile
from proxy.domain.wire import Clocks
from proxy.errors import GatewayError
from proxy.host.spool import StoredContent
from proxy.providers.registry import find_provider

_CLOCKS = Clocks(connect=5.0, first=20.0, idle=20.0, total=20.0)
_PARALLEL = 16
# A size that an image model has no word for is no reason to call it ill.
_PROBE_OPTIONS = Options(drop_params=True)
Report = dict[str, Any]


def probe(
    deployments: Sequence[Deployment],
    send: Send,
    new_id: Callable[[], str],
    mask: Callable[[str], str],
    embeds: Callable[[Deployment], bool],
) -> tuple[list[Report], list[Report]]:
    """(those that answer, those that don't and why). A wildcard is asked for its `health_check_model`, if it has one."""
    asked = [probed for deployment in deployments if (probed := _as_probed(deployment)) is not None]
    if not asked:
        return [], []
    with ThreadPoolExecutor(max_workers=min(_PARALLEL, len(asked))) as pool:
        errors = list(pool.map(lambda deployment: _ask(deployment, send, new_id(), embeds), asked))
    pairs = list(zip(asked, errors, strict=True))
    healthy = [_report(deployment) for deployment, error in pairs if error is None]
    unhealthy = [{**_report(deployment), "error": mask(error)} for deployment, error in pairs if error is not None]
    return healthy, unhealthy


def _as_probed(deployment: Deployment) -> Deployment | None:
    """With the model that is asked; None for a pattern without one."""
    asked = deployment.info.get("health_check_model")
    if not isinstance(asked, str) or not asked:
        return None if deployment.wildcard else deployment
    return replace(deployment, model=asked.removeprefix(f"{deployment.provider}/"), wildcard=False)


def _ask(deployment: Deployment, send: Send, call_id: str, embeds: Callable[[Deployment], bool]) -> str | None:
    operation = probed_operation(deployment, embeds)
    fields = {"model": deployment.model, **(operation.probe or {})}
    upload = probe_upload(operation)
    call = Call(call_id, operation, deployment.group, Document.of(fields), _PROBE_OPTIONS, upload=upload)
    try:
        reply = send(call, deployment, _clocks(deployment), _ignore)
        if isinstance(reply, StreamReply):
            reply.close()
    except GatewayError as error:
        return error.message
    return None


def _clocks(deployment: Deployment) -> Clocks:
    """`model_info.health_check_timeout` in seconds, where the deployment has it."""
    seconds = deployment.info.get("health_check_timeout")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        return _CLOCKS
    return Clocks(connect=min(_CLOCKS.connect or seconds, seconds), first=seconds, idle=seconds, total=seconds)


def probe_upload(operation: Operation) -> Upload | None:
    """The files of an operation's probe; None for one that has none."""
    files = [
        UploadedFile(field, sample.name, sample.content_type, StoredContent(sample.data))
        for field, sample in operation.probe_files.items()
    ]
    return Upload(files, "patchbay-probe") if files else None


def probed_operation(deployment: Deployment, embeds: Callable[[Deployment], bool] = lambda one: False) -> Operation:
    """The operation of `model_info.mode`; without one that of a word in the model's name, embeddings for a model that
    embeds, else the first in the table's order that the provider serves."""
    operation = BY_MODE.get(deployment.info.get("mode", ""))
    if operation is not None and operation.probe is not None:
        return operation
    provider = find_provider(deployment.provider)
    served = provider.operations if provider else ()
    model = deployment.model.lower()
    for row in served:
        if row.probe is not None and any(word in model for word in row.model_words):
            return row
    if EMBEDDINGS in served and embeds(deployment):
        return EMBEDDINGS
    return next((row for row in OPERATIONS.values() if row.probe is not None and row in served), CHAT)


def embeds(deployment: Deployment, prices: PriceTable) -> bool:
    """Whether a model is for embeddings, by its name, or by a price for what goes in and none for what comes out."""
    if "embed" in deployment.model.lower():
        return True
    found = prices.find(deployment.provider, deployment.model)
    listed = found[1].prices(0) if found else None
    return listed is not None and bool(listed.input) and not listed.output


def _ignore(result: Result) -> None:
    """A probe is not traffic: it counts for no limit and cools nothing."""


def _report(deployment: Deployment) -> Report:
    report: Report = {"model": deployment.label, "model_name": deployment.group, "model_id": deployment.id}
    if deployment.api_base:
        report["api_base"] = deployment.shown_base
    return report
