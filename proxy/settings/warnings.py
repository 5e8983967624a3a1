"""Startup warnings that do not prevent serving."""

import re
from collections.abc import Iterator, Mapping, Sequence

from proxy.domain.deployment import Deployment
from proxy.providers.contract import Provider
from proxy.settings.credentials import secrets_of
from proxy.settings.files import Source
from proxy.settings.references import Fault
from schemas.config import findings


def fault_warnings(source: Source, faults: Sequence[Fault], broken: Mapping[int, Fault]) -> Iterator[str]:
    """What is missing or wrong, unless it would have no effect anyway."""
    unused = {finding.path for finding in findings(source.document) if finding.status == "ignored"}
    for fault in dict.fromkeys((*faults, *broken.values())):
        if unused.isdisjoint(_steps(fault.path)):
            lost = fault in broken.values()
            what = "it is left out"
            if lost:
                own = fault.path.startswith("model_list")
                what = "its deployment is out of service" if own else "the deployments that use it are out of service"
            yield f"{source.locate(fault.path)}: {fault.reason}; {what}"


def idle_names(source: Source) -> Iterator[str]:
    """The names without effect, and those that are probably a misspelling."""
    for finding in findings(source.document):
        if finding.status == "ignored":
            yield f"{source.locate(finding.path)} is ignored: {finding.reason}"
        elif finding.doubtful:
            yield f"{source.locate(finding.path)}: {finding.reason}"


def missing_keys(
    source: Source,
    entries: Sequence[Sequence[Deployment]],
    broken: Mapping[int, Fault],
    providers: Mapping[str, Provider],
) -> Iterator[str]:
    """The deployments that only clients with keys of their own can use."""
    for position, entry in enumerate(entries):
        for deployment in entry if position not in broken else ():
            provider = providers[deployment.provider]
            if provider.needs_key and not deployment.wildcard and not any(secrets_of(deployment.connection)):
                variables = " or ".join(provider.variables.get("api_key", ()))
                unset = f", and {variables} is not set" if variables else ""
                place = source.locate(f"model_list[{position}]")
                yield f"{place}: no api_key{unset}: only calls that bring a key of their own can be answered"


def _steps(path: str) -> Iterator[str]:
    """The path, and all that it lies in: a.b[0].c, a.b[0], a.b, a."""
    while path:
        yield path
        path = re.sub(r"(\.[^.\[]*|\[\d+\]|^[^.\[]*)$", "", path)
