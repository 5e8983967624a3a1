"""The report of `check`: each name in a file, what is wrong, and whether the gateway would start."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from proxy.providers.contract import Provider
from proxy.providers.registry import PROVIDERS
from proxy.settings.errors import ConfigError
from proxy.settings.files import read_files
from proxy.settings.load import is_strict, load, load_default
from proxy.settings.values import Settings
from schemas.config import Finding, findings

_POSITION = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class Report:
    """`lines` are for a reader; `serves` is whether the gateway would start, in strict mode with a model to serve."""

    lines: tuple[str, ...]
    serves: bool


def check_file(
    path: Path,
    environ: Mapping[str, str],
    providers: Mapping[str, Provider] = PROVIDERS,
    build: Callable[[Settings], object] = lambda settings: None,
) -> Report:
    """A report on a file and those that it includes. `build` raises ConfigError for what the settings do not show."""
    try:
        source = read_files(path)
    except ConfigError as error:
        return Report(tuple(f"error      {problem}" for problem in error.problems), serves=False)
    lines = [line for name, document in source.files.items() for line in _file_lines(name, list(findings(document)))]
    try:
        settings = load(path, environ, providers)
        build(settings)
    except ConfigError as error:
        return Report((*lines, *(f"error      {problem}" for problem in error.problems)), serves=False)
    lines += [f"warning    {warning}" for warning in settings.warnings if " is ignored: " not in warning]
    if not settings.deployments:
        kind = "error" if is_strict(environ) else "warning"
        return Report((*lines, f"{kind:<10} {path}: no model of model_list can be served"), serves=kind == "warning")
    return Report((*lines, f"ok         {path}: {_models(settings)} can be served"), serves=True)


def check_default(environ: Mapping[str, str], build: Callable[[Settings], object]) -> Report:
    """A report on what `serve` without options would serve: whether it starts, and the warnings."""
    try:
        settings = load_default(environ)
        build(settings)
    except ConfigError as error:
        return Report(tuple(f"error      {problem}" for problem in error.problems), serves=False)
    lines = [f"warning    {warning}" for warning in settings.warnings]
    return Report((*lines, f"ok         {settings.source}: {_models(settings)} can be served"), serves=True)


def _models(settings: Settings) -> str:
    count = settings.group_count
    return "1 model" if count == 1 else f"{count} models"


def _file_lines(name: str, found: list[Finding]) -> Iterator[str]:
    """One line for each name; a name in several entries of a list has one line, with their number."""
    yield f"{name}:"
    counts = Counter(_general(finding) for finding in found)
    for finding, count in counts.items():
        times = f" (x{count})" if count > 1 else ""
        yield f"{finding.status:<10} {finding.path}{times}: {finding.reason}"


def _general(finding: Finding) -> Finding:
    return finding._replace(path=_POSITION.sub("[]", finding.path))
