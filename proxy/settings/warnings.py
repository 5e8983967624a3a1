"""What the operator should know at start, although the gateway can serve."""

import re
from collections.abc import Iterator, Mapping, Sequence

from proxy.domain.deployment import Deployment
from proxy.providers.contract import Provider
from proxy.settings.credentials import secrets_of
from proxy.settings.files import Source
from proxy.settings.references import Missing
from schemas.config import findings


def missing_values(source: Source, missing: Sequence[Missing], broken: Mapping[int, Missing]) -> Iterator[str]:
    """What could not be had, unless nothing would have read it."""
    unused = {finding.path for finding in findings(source.document) if finding.status == "ignored"}
    for item in missing:
        if unused.isdisjoint(_steps(item.path)):
            lost = item in broken.values()
            what = "the deployments that need it are out of service" if lost else "it is left out"
            yield f"{source.locate(item.path)}: {item.reason}; {what}"


def idle_names(source: Source) -> Iterator[str]:
    """The names that have no effect, and those that probably mean another."""
    for finding in findings(source.document):
        if finding.status == "ignored":
            yield f"{source.locate(finding.path)} is ignored: {finding.reason}"
        elif finding.doubtful:
            yield f"{source.locate(finding.path)}: {finding.reason}"


def missing_keys(
    source: Source,
    entries: Sequence[Sequence[Deployment]],
    broken: Mapping[int, Missing],
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
