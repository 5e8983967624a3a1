"""The check before a server accepts its first request: the configuration, and which machines can reach it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from proxy.fastpath import versions
from proxy.server.check_result import CheckResult
from proxy.server.exposure import Address, check_exposure, describe
from proxy.settings import ConfigError, Settings, load_default
from proxy.settings.files import DiskTexts

REFUSED = "Patchbay can't start."


class StartError(RuntimeError):
    """The gateway must not start; the message is for the operator."""


class Start(NamedTuple):
    """`summary` is the line that a server logs when it is ready."""

    settings: Settings
    warnings: tuple[str, ...]
    summary: str


def check_start(environ: Mapping[str, str], addresses: Sequence[Address], texts: DiskTexts | None = None) -> Start:
    """Raise StartError for a configuration that can't serve, or that other machines could use without a key.

    `texts`: where its files are read, and kept for later.
    """
    try:
        settings = load_default(environ, texts)
        exposed = check_exposure(settings, addresses)
    except ConfigError as error:
        raise StartError(f"{REFUSED}\n{error}") from None
    untested = versions.warning() if settings.fast_path else None
    warnings = (*settings.warnings, *((untested,) if untested else ()), *exposed)
    return Start(settings, warnings, summarize(settings, addresses))


def facts_of(start: Start, texts: DiskTexts) -> CheckResult:
    """A good configuration, as the parent of the workers has to know it. `texts` are those that were read."""
    settings = start.settings
    sources = settings.secret_sources
    return CheckResult(
        None,
        files=(*texts.read_texts, *sources.files),
        warnings=start.warnings,
        summary=start.summary,
        source=settings.source,
        watch_seconds=settings.general.config_watch_seconds,
        refresh_seconds=settings.general.secret_refresh_seconds if sources.has_managers else 0.0,
    )


def summarize(settings: Settings, addresses: Sequence[Address]) -> str:
    models = settings.group_count
    count = "1 model" if models == 1 else f"{models} models"
    access = "with a master key" if settings.master_key else "no key needed from this machine"
    return f"Patchbay serves {count} of {settings.source} on {', '.join(map(describe, addresses))} ({access})"
