"""A file's content with its references resolved: what is right of it, what is wrong, and what that stops."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from proxy.accounts.declared import find_problems
from proxy.providers.contract import Provider
from proxy.settings.protection import ACCEPTED, check_accepted
from proxy.settings.references import Fault, resolve
from proxy.settings.secret_reader import SecretReader
from proxy.settings.service import complete, empty_values, find_broken, wrong_entries
from schemas.config import ConfigProblem, InvalidConfig, load_leniently

# Without its value a gateway would be more open than configured.
_NEVER_LEFT_OUT = re.compile(
    r"general_settings(\.(master_key|allow_client_side_credentials|cors_allow_origins|accept_unenforced).*)?"
    r"|litellm_settings\.(redact_user_api_key_info|max_budget|budget_duration)|environment_variables(\.LITELLM_MASTER_KEY)?"
    r"|(keys|teams|users|budgets)([.\[].*)?"
)


class Document(NamedTuple):
    """`loaded` is what the schema made of the content; `faults` are left out of it. `broken` are the entries that can't
    serve, by their position in model_list."""

    loaded: dict[str, Any]
    faults: list[Fault]
    broken: dict[int, Fault]


def read_document(
    content: Mapping[str, Any],
    environ: Mapping[str, str],
    providers: Mapping[str, Provider],
    secrets: SecretReader | None = None,
    *,
    strict: bool,
) -> Document:
    """Raise InvalidConfig for what must not be left out, and with `strict` for every wrong value."""
    faults: list[Fault] = []
    document = resolve(content, environ, faults, secrets=secrets)
    unset = [fault for fault in faults if fault.path == "general_settings.master_key"]
    empty = [*wrong_entries(document), *empty_values(document)]
    loaded, problems = load_leniently(document)
    wrong = _news((Fault(*problem) for problem in problems), [*faults, *empty])
    wrong += _missing_authorities(loaded)
    wrong += _news((Fault(*problem) for problem in find_problems(loaded)), [*faults, *empty, *wrong])
    fatal = [fault for fault in (*empty, *wrong) if strict or _NEVER_LEFT_OUT.fullmatch(fault.path)]
    accepted = loaded.get("general_settings", {}).get(ACCEPTED, ())
    stops = (*(ConfigProblem(*fault) for fault in (*unset, *fatal)), *check_accepted(document, accepted))
    if stops:
        raise InvalidConfig(stops)
    broken = find_broken(document, [*faults, *empty], wrong, providers)
    complete(loaded.get("model_list", ()), broken)
    return Document(loaded, [*faults, *empty, *wrong], broken)


def _news(found: Iterator[Fault], known: Sequence[Fault]) -> list[Fault]:
    """Without what follows from a fault that is known already: an empty entry has no name, either."""
    paths = tuple(fault.path for fault in known)
    return [fault for fault in found if not any(_lies_in(fault.path, path) for path in paths)]


def _lies_in(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _missing_authorities(loaded: Mapping[str, Any]) -> Iterator[Fault]:
    """Files of certificate authorities that do not exist; where the gateway's own is one, the bundled ones count."""
    litellm = loaded.get("litellm_settings", {})
    if isinstance(litellm.get("ssl_verify"), str) and not Path(litellm["ssl_verify"]).exists():
        yield Fault("litellm_settings.ssl_verify", f"must be true, false or a file: {litellm.pop('ssl_verify')!r}")
    for position, entry in enumerate(loaded.get("model_list", ())):
        verify = entry.get("litellm_params", {}).get("ssl_verify")
        if isinstance(verify, str) and not Path(verify).exists():
            yield Fault(f"model_list[{position}].litellm_params.ssl_verify", "must be true, false or a file")
