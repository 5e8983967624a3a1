"""Writes the pages of this folder that come from tables in the code: `python docs/generate.py`."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from proxy.domain.operations import OPERATIONS  # noqa: E402
from proxy.providers.compatible.refusals import ROWS as REFUSALS  # noqa: E402
from proxy.providers.compatible.refusals import Refusals  # noqa: E402
from proxy.providers.contract import Provider  # noqa: E402
from proxy.providers.parameters import capabilities  # noqa: E402
from proxy.providers.registry import PROVIDERS, TRANSLATED  # noqa: E402
from schemas.settings_table import PREFIXES, SETTINGS, VARIABLES, Setting  # noqa: E402

SECTION_TITLES = {
    "file": "Top level",
    "entry": "An entry of `model_list`",
    "params": "`litellm_params`",
    "info": "`model_info`",
    "credential": "An entry of `credential_list`",
    "general": "`general_settings`",
    "litellm": "`litellm_settings`",
    "router": "`router_settings`",
}
SECTION_NOTES = {
    "params": "LiteLLM's other names (1.110, `schemas/litellm_params.py`) are known and never sent: prices and facts count as "
    "in `model_info`, the rest has no effect. Any other name is a default request parameter: it is sent to the provider "
    "with each request that does not have it.",
    "info": "Any other name is kept and shown in model information.",
    "router": "The same names, beside a `model_list`, make a client's `user_config`; what concerns Redis and the place of "
    "the state has no effect there.",
}


def settings_page() -> str:
    return "\n".join([*_settings_head(), *(line for section in PREFIXES for line in _section(section))]) + "\n"


def _settings_head() -> Iterator[str]:
    yield "# Settings"
    yield ""
    yield "Generated from `schemas/settings_table.py` by `docs/generate.py`. `python -m proxy check config.yaml` prints the same"
    yield "of each name in a file. *supported* means what it means in LiteLLM (or is ours, where the text says so),"
    yield "*different* what the text says, *ignored* has no effect and is reported at start."
    yield ""
    yield "`os.environ/NAME` may be written for any value. A deployment that needs a variable which is not set, or has a wrong"
    yield "value, is out of service with a warning, and the others serve; what it can do without is left out. With `--strict`"
    yield "each wrong value stops the start."
    yield ""
    yield "## Environment"
    yield ""
    rows = ((f"`{variable.name}`", variable.default, variable.help) for variable in VARIABLES)
    yield from _table(("variable", "default", ""), rows)


def _section(section: str) -> Iterator[str]:
    settings = [setting for setting in SETTINGS if setting.section == section]
    yield ""
    yield f"## {SECTION_TITLES[section]}"
    yield ""
    if section in SECTION_NOTES:
        yield SECTION_NOTES[section]
        yield ""
    in_use = [setting for setting in settings if setting.status != "ignored"]
    yield from _table(
        ("name", "status", "default", ""),
        ((f"`{item.name}`", item.status, _default(item), item.help) for item in in_use),
    )
    ignored = [setting for setting in settings if setting.status == "ignored"]
    if ignored:
        yield ""
        yield from _table(("ignored", "why"), ((f"`{item.name}`", item.help) for item in ignored))


def _default(setting: Setting) -> str:
    if setting.default is None or setting.default == ():
        return ""
    if isinstance(setting.default, bool):
        return f"`{str(setting.default).lower()}`"
    return f"`{setting.default:g}`" if isinstance(setting.default, float) else f"`{setting.default}`"


def providers_page() -> str:
    return "\n".join([*_providers_head(), *_own_files(), *_natives(), *_rows(), *_refusals()]) + "\n"


def _providers_head() -> Iterator[str]:
    yield "# Providers"
    yield ""
    yield "Generated from `proxy/providers/registry.py` and `rows.py` by `docs/generate.py`. The first segment of"
    yield "`litellm_params.model` names the provider. `GET /v1/capabilities` returns the same for a running gateway."
    yield ""
    yield "A parameter of OpenAI's that a provider does not take is a 400 that names it, or is left out and named in the header"
    yield "`x-litellm-dropped-params` where `drop_params` is on. `user`, and values that ask for what happens anyway (`n: 1`,"
    yield "`logprobs: false` ...), are left out without asking. `allowed_openai_params` sends a parameter all the same."
    yield "What OpenAI does not have always passes. Of a message, `thinking_blocks` and `provider_specific_fields`, which only"
    yield "gateways know, go to nobody but those who translate them and other gateways; `developer` speaks as"
    yield "`system` where the provider knows no developer."


def _own_files() -> Iterator[str]:
    yield ""
    yield "## With a file of their own"
    for name in sorted(TRANSLATED):
        yield from _provider(PROVIDERS[name])


def _natives() -> Iterator[str]:
    """Which wire forms of clients a provider is asked in as they come."""
    yield ""
    yield "## Forms that pass as they are"
    yield ""
    yield "Requests in these forms go to the provider as they came, and its answers come back so; other providers are asked"
    yield "in their own form (see [agents.md](agents.md)). Of azure_ai, bedrock and vertex_ai that holds for Claude's models, or"
    yield "Google's."
    yield ""
    forms = {name: capabilities(provider)["native"] for name, provider in sorted(PROVIDERS.items())}
    yield from _table(("prefix", "forms"), ((f"`{name}/`", _names(given)) for name, given in forms.items() if given))


def _provider(provider: Provider) -> Iterator[str]:
    able = capabilities(provider)
    yield ""
    yield f"### `{provider.name}/`"
    yield ""
    rows = [("base URL", f"`{provider.base_url}`" if provider.base_url else "`api_base`")]
    rows += [(f"`{name}`", _names(names)) for name, names in able["variables"].items()]
    if provider.auth:
        rows.append(("credentials", f"a key, or {provider.auth}'s own"))
    rows += [(operation, _parameters(operation, known)) for operation, known in able["operations"].items()]
    yield from _table(("", ""), rows)


def _parameters(operation: str, known: Mapping[str, Sequence[str]]) -> str:
    if not known["unsupported"]:
        return "all parameters" if OPERATIONS[operation].parameters else "yes"
    return f"{_names(known['supported'])}; **not** {_names(known['unsupported'])}"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _rows() -> Iterator[str]:
    yield ""
    yield "## OpenAI's format as it is"
    yield ""
    rows = [PROVIDERS[name] for name in sorted(PROVIDERS) if name not in TRANSLATED]
    yield from _table(
        ("prefix", "base URL", "key", "other variables", "operations", "not taken"),
        (
            (
                f"`{row.name}/`",
                f"`{row.base_url}`" if row.base_url else "`api_base`",
                _names(row.variables["api_key"]) or ("" if row.needs_key else "none needed"),
                _names(name for param, names in row.variables.items() if param != "api_key" for name in names),
                ", ".join(operation.name for operation in row.operations),
                _names(capabilities(row)["operations"].get("chat", {"unsupported": ()})["unsupported"]),
            )
            for row in rows
        ),
    )


def _refusals() -> Iterator[str]:
    yield ""
    yield "## What strict providers refuse"
    yield ""
    yield "A request is changed before it goes to these providers, so that they take it: `compatible/refusals.py`."
    yield "Servers that are reached as `openai/` by the `api_base` of one of them are treated the same."
    yield ""
    by_row: dict[Refusals, list[str]] = {}
    for name, rows in REFUSALS.items():
        for row in rows:
            by_row.setdefault(row, []).append(name)
    yield from _table(
        ("prefix", "models", "what is changed", "source"),
        (
            (
                _names(f"{name}/" for name in sorted(names)),
                f"`{row.models.pattern}`" if row.models else "all",
                "; ".join(_changes(row)),
                row.source,
            )
            for row, names in by_row.items()
        ),
    )


def _changes(row: Refusals) -> Iterator[str]:
    """What becomes of a request, in words."""
    if row.text_lists:
        yield "a list of text parts becomes a string (other lists stay)"
    if row.names is not None:
        yield f"`name` stays only on messages of {_names(sorted(row.names)) or 'no role'}"
    if row.user_after_tool:
        yield "an assistant message `OK.` comes between a tool's result and a user"
    if row.empty_assistant:
        yield "empty assistant messages are left out"
    if row.bare_last_assistant:
        yield "a last assistant message gets `prefix`"
    if row.repeated_roles:
        yield "neighbours of one role become one message"
    if row.missing_content:
        yield "`content` is there, if empty"
    if row.unreasoned_calls is not None:
        yield "a call of a tool without reasoning gets an empty one"
    if row.call_id_length is not None:
        exactly = "exactly" if row.exact_call_ids else "at most"
        yield f"ids of tool calls have {exactly} {row.call_id_length} characters"
    if row.stream_options:
        yield "`stream_options` are left out"
    if row.parameters:
        yield f"not taken: {_names(sorted(row.parameters))}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join('---' for _ in head)}|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


PAGES: Mapping[str, Callable[[], str]] = {"providers.md": providers_page, "settings.md": settings_page}


def main() -> None:
    for name, build in PAGES.items():
        (FOLDER / name).write_text(build(), encoding="utf-8")


if __name__ == "__main__":
    main()
