"""Which OpenAI parameters a provider takes, and what becomes of those that it doesn't."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT, Operation
from proxy.errors import BadRequestError, UnsupportedParamsError
from proxy.providers.contract import Provider

# These do not affect the answer, so no request is refused for them.
_WITHOUT_EFFECT = frozenset({"user"})
# What these values ask for is what happens anyway, so a provider that lacks the parameter can go without it.
_NEUTRAL: Mapping[str, Any] = {
    "n": 1,
    "best_of": 1,
    "echo": False,
    "logprobs": False,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logit_bias": {},
    "store": False,
    "service_tier": "auto",
    "encoding_format": "float",
    "response_format": "b64_json",
    "stream_format": "audio",
    "stop": [],
}


# No limit, in the words of llama.cpp, and of those that are built on it.
NO_LIMIT = -1
_LIMITS = ("max_tokens", "max_completion_tokens")
_LOCAL = frozenset({"lm_studio", "llamafile", "ollama", "ollama_chat", "docker_model_runner", "lemonade", "oobabooga"})
# Servers that are known by their address only. `openai` is not among them: OpenAI refuses -1, and so do most that are
# reached under its name.
_GENERIC = frozenset({"openai_like", "custom_openai", "aiohttp_openai", "litellm_proxy"})


class EffortObject(NamedTuple):
    """`reasoning_effort` in the Responses API's form, read: its effort, and the members that have no place here."""

    effort: Any
    dropped: tuple[str, ...]


class Fit(NamedTuple):
    """How a body is made to fit: `document.edit(changes, drop)`; `dropped` names what the client goes without."""

    changes: Mapping[str, Any]
    drop: tuple[str, ...]
    dropped: tuple[str, ...]


AS_IT_IS = Fit({}, (), ())


NOTHING_OPTIONAL: frozenset[str] = frozenset()
# Parameters of a request that came in another dialect, by the providers that take them; the others refuse unknown ones.
_TAKERS: Mapping[str, frozenset[str]] = {
    "top_k": frozenset(
        "anthropic azure_ai bedrock cohere cohere_chat deepinfra fireworks_ai gemini hosted_vllm litellm_proxy ollama "
        "ollama_chat openrouter perplexity together_ai vertex_ai vertex_ai_beta".split()
    ),
    "web_search_options": frozenset(
        "anthropic azure_ai bedrock gemini litellm_proxy mock openrouter perplexity vertex_ai vertex_ai_beta".split()
    ),
    "verbosity": frozenset("azure litellm_proxy mock openai openrouter".split()),
    "prompt_cache_retention": frozenset("azure litellm_proxy mock openai".split()),
    "safety_identifier": frozenset("azure litellm_proxy mock openai openrouter".split()),
    "prompt_cache_key": frozenset("azure litellm_proxy mock moonshot openai openrouter xai".split()),
}


def fit(
    call: Call,
    deployment: Deployment,
    provider: Provider,
    *,
    drop_params: bool = False,
    optional: frozenset[str] = NOTHING_OPTIONAL,
) -> Fit:
    """What of the body the provider can't take, and what the client or the deployment wants left out.

    `optional` members of a request in another dialect are left out and named where the provider does not take them.

    `drop_params` is the default where neither the client nor the deployment sets it. `allowed_openai_params` pass whatever
    the tables say. Raise UnsupportedParamsError, or BadRequestError for an operation that the provider doesn't have.
    """
    if call.operation not in provider.operations:
        raise BadRequestError(f"{provider.name} has no {call.operation.name}", param="model", provider=provider.name)
    options = call.options
    unwanted = (*options.additional_drop_params, *deployment.additional_drop_params)
    changes, drop, dropped = leave_out(call.fields, unwanted) if unwanted else ({}, (), ())
    fields = _remaining(call.fields, drop) if drop else call.fields
    displaced = find_displaced(fields, deployment, provider) if provider.displaced is not None else []
    fields = _remaining(fields, displaced) if displaced else fields
    unsupported = find_unsupported(fields, call.operation, deployment, provider)
    if optional:
        unsupported += [name for name in _untaken(optional, fields, provider) if name not in unsupported]
        if "web_search_options" in fields and "web_search_options" not in optional:
            _check_search(deployment, provider)
    if "reasoning_effort" in fields and isinstance(fields["reasoning_effort"], Mapping):
        effort = read_effort_object(fields["reasoning_effort"])
        changes = {**changes, "reasoning_effort": effort.effort}
        dropped = (*dropped, *effort.dropped)
        drop = drop if effort.effort is not None else (*drop, "reasoning_effort")
    elif not unsupported and not displaced and not unwanted:
        return AS_IT_IS
    allowed = {*options.allowed_openai_params, *deployment.allowed_openai_params}
    unsupported = [name for name in unsupported if name not in allowed]
    wanted = [name for name in unsupported if name not in optional and not is_neutral(name, call.fields[name])]
    if wanted and not _first(options.drop_params, deployment.drop_params, drop_params):
        raise _unsupported(wanted, provider, deployment)
    left_out = tuple(dict.fromkeys((*displaced, *unsupported)))
    return Fit(
        {name: value for name, value in changes.items() if name not in left_out and name not in drop},
        (*drop, *left_out),
        (*dropped, *left_out),
    )


def _untaken(optional: frozenset[str], fields: Mapping[str, Any], provider: Provider) -> Iterable[str]:
    """Those of the optional members that the provider does not know."""
    return (name for name in fields if name in optional and provider.name not in _TAKERS.get(name, (provider.name,)))


def read_effort_object(given: Mapping[str, Any]) -> EffortObject:
    others = tuple(f"reasoning_effort.{name}" for name in given if name != "effort" and given[name] is not None)
    return EffortObject(given.get("effort"), others)


# OpenAI's models that search the web when a chat asks for it.
_SEARCH_MODEL = re.compile(r"search")


def _check_search(deployment: Deployment, provider: Provider) -> None:
    """A search that no tool of the provider's would make is refused by its name."""
    if provider.name not in _TAKERS["web_search_options"] and not _SEARCH_MODEL.search(deployment.model):
        raise UnsupportedParamsError(
            f"The tool 'web_search' is not available for this model: {deployment.label} can't search the web.",
            param="tools",
            provider=provider.name,
        )


def find_displaced(fields: Mapping[str, Any], deployment: Deployment, provider: Provider) -> list[str]:
    """The parameters in the body that give way to others of it: see Provider.displaced."""
    if provider.displaced is None:
        return []
    displaced = provider.displaced(fields, deployment)
    return [name for name in fields if name in displaced] if displaced else []


def find_unsupported(
    fields: Mapping[str, Any], operation: Operation, deployment: Deployment, provider: Provider
) -> list[str]:
    """The OpenAI parameters in the body that the provider, or this model of it, doesn't take."""
    supported = provider.supported.get(operation.name)
    refused = provider.refused(fields, deployment) if provider.refused is not None else frozenset()
    if ("max_tokens" in fields and fields["max_tokens"] == NO_LIMIT) or (
        "max_completion_tokens" in fields and fields["max_completion_tokens"] == NO_LIMIT
    ):
        refused |= _refused_limits(fields, deployment)
    if supported is None and not refused:
        return []
    openai = operation.parameters
    return [
        name
        for name in fields
        if name in openai and (name in refused or (supported is not None and name not in supported))
    ]


def _refused_limits(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    """The token limits of -1, which means no limit to local servers, where another server is asked."""
    names = frozenset(name for name in _LIMITS if name in fields and fields[name] == NO_LIMIT)
    is_local = deployment.provider in _LOCAL or (deployment.provider in _GENERIC and deployment.api_base)
    return frozenset() if is_local else names


def _remaining(fields: Mapping[str, Any], names: Sequence[str]) -> Mapping[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def is_neutral(name: str, value: Any) -> bool:
    """True for a neutral value."""
    return value is None or name in _WITHOUT_EFFECT or (name in _NEUTRAL and value == _NEUTRAL[name])


def _first(*choices: bool | None) -> bool:
    return next((choice for choice in choices if choice is not None), False)


def _unsupported(names: Sequence[str], provider: Provider, deployment: Deployment) -> UnsupportedParamsError:
    listed = ", ".join(names)
    return UnsupportedParamsError(
        f"{provider.name} does not take {listed} for {deployment.model}. Set drop_params to go without, or "
        f"allowed_openai_params to send it all the same",
        param=names[0],
        provider=provider.name,
    )


def leave_out(
    fields: Mapping[str, Any], paths: Iterable[str]
) -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
    """What to change and what to drop of a body so that nothing is left at `a`, `a.b`, `a[*].b` or `a[0].b`.

    The third value names the paths at which there was something.
    """
    wanted = dict.fromkeys(paths)
    tree = _Node()
    for path in wanted:
        tree.add(path)
    found: set[str] = set()
    left = _prune(fields, tree, found)
    changes = {name: value for name, value in left.items() if value is not fields[name]}
    return changes, tuple(name for name in fields if name not in left), tuple(path for path in wanted if path in found)


class _Node:
    """Paths that begin alike, as a tree: one walk through a body serves all of them. `paths` end here."""

    __slots__ = ("any_item", "members", "numbered", "paths")

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.members: dict[str, _Node] = {}
        self.numbered: dict[int, _Node] = {}
        self.any_item: _Node | None = None

    def add(self, path: str) -> None:
        """`a[*].b` is a, any item, b; indices are those of the request."""
        node = self
        for name, index in re.findall(r"([^.\[\]]+)|\[(\*|\d+)\]", path):
            if name:
                node = node.members.setdefault(name, _Node())
            elif index == "*":
                node.any_item = node = node.any_item or _Node()
            else:
                node = node.numbered.setdefault(int(index), _Node())
        if node is not self:
            node.paths.append(path)


def _prune(value: Any, node: _Node, found: set[str]) -> Any:
    """`value` without what the paths lead to, which are noted in `found`; the same object if there is nothing."""
    if isinstance(value, Mapping):
        return _prune_object(value, node, found) if node.members else value
    if isinstance(value, list) and (node.any_item is not None or node.numbered):
        return _prune_list(value, node, found)
    return value


def _prune_object(value: Mapping[str, Any], node: _Node, found: set[str]) -> Mapping[str, Any]:
    names = node.members if len(node.members) <= len(value) else value
    inner = {
        name: _visit(value[name], node.members[name], found) for name in names if name in value and name in node.members
    }
    if all(item is value[name] for name, item in inner.items()):
        return value
    merged = {**value, **inner}
    return {name: item for name, item in merged.items() if item is not _GONE}


def _prune_list(value: list[Any], node: _Node, found: set[str]) -> list[Any]:
    items = value
    if node.any_item is not None:
        items = [_visit(item, node.any_item, found) for item in value]
    for index, child in node.numbered.items():
        if index < len(items) and items[index] is not _GONE:
            items = [*items] if items is value else items
            items[index] = _visit(items[index], child, found)
    if items is value or all(new is old for new, old in zip(items, value, strict=True)):
        return value
    return [item for item in items if item is not _GONE]


_GONE: Any = object()


def _visit(value: Any, node: _Node, found: set[str]) -> Any:
    """`_GONE` where a path ends."""
    if node.paths:
        found.update(node.paths)
        return _GONE
    return _prune(value, node, found)


def capabilities(provider: Provider) -> dict[str, Any]:
    """A provider's rows in the tables, for `GET /v1/capabilities` and docs/providers.md."""
    return {
        "provider": provider.name,
        "base_url": provider.base_url,
        "variables": {name: list(names) for name, names in provider.variables.items() if names},
        "needs_key": provider.needs_key,
        "auth": provider.auth,
        "native": sorted(form for form, native in provider.native.items() if CHAT in native.operations),
        "operations": {
            operation.name: {
                "stream": operation.streams,
                "supported": sorted(supported(provider, operation)),
                "unsupported": sorted(operation.parameters - supported(provider, operation)),
            }
            for operation in provider.operations
        },
    }


def supported(provider: Provider, operation: Operation) -> frozenset[str]:
    """OpenAI's parameters of the operation that the provider takes."""
    supported = provider.supported.get(operation.name)
    return operation.parameters if supported is None else supported & operation.parameters
