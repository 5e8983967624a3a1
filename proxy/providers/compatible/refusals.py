"""What each OpenAI-compatible provider refuses in a request that OpenAI takes: one table, from documents and reports.

A row holds for a provider, for all of its models or for those that `models` finds. Servers that are reached as `openai/`
(or as another of GENERIC) by their api_base have the row of their host.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from proxy.domain.deployment import Deployment

_LONGEST_REMEMBERED = 256


@dataclass(frozen=True)
class Refusals:
    """One row; several rows that hold for a model add up.

    text_lists: content is a string, so a list of nothing but text parts becomes one. Lists with other parts stay.
    names: the roles whose messages may have a `name`; None is all.
    user_after_tool: an assistant message comes between a tool's result and the next user or system message.
    empty_assistant: no assistant message without content and without tool calls.
    bare_last_assistant: a last assistant message has to be marked as the beginning of the answer (`prefix`).
    repeated_roles: user and assistant take turns, so neighbours of one role become one message.
    missing_content: every message has the member `content`.
    unreasoned_calls: an assistant message that calls tools has reasoning; this is sent where a client kept none.
    call_id_length: the most characters of a tool call's id; `exact_call_ids`: just so many letters and digits.
    stream_options: they are an unknown field.
    parameters: the OpenAI parameters that are refused whatever their value, null and neutral values too.
    source: the vendor's page, or the report.
    """

    source: str = ""
    models: re.Pattern[str] | None = None
    hosts: tuple[str, ...] = ()
    text_lists: bool = False
    names: frozenset[str] | None = None
    user_after_tool: bool = False
    empty_assistant: bool = False
    bare_last_assistant: bool = False
    repeated_roles: bool = False
    missing_content: bool = False
    unreasoned_calls: str | None = None
    call_id_length: int | None = None
    exact_call_ids: bool = False
    stream_options: bool = False
    parameters: frozenset[str] = frozenset()

    # What has to be looked at in messages, worked out once: anything at all, and nothing but the ids of tool calls.
    about_messages: bool = field(init=False, compare=False, default=False)
    only_ids: bool = field(init=False, compare=False, default=False)

    def __post_init__(self) -> None:
        set_columns = {row.name for row in fields(self) if row.init and getattr(self, row.name) != row.default}
        set_columns -= {"source", "models", "hosts", "stream_options", "parameters"}
        object.__setattr__(self, "about_messages", bool(set_columns))
        object.__setattr__(self, "only_ids", bool(set_columns) and set_columns <= {"call_id_length", "exact_call_ids"})


NOTHING = Refusals()

# Provider names for any server: its address identifies it.
GENERIC = frozenset({"openai", "openai_like", "custom_openai", "aiohttp_openai", "hosted_vllm", "litellm_proxy"})

_MISTRAL_MODELS = re.compile(r"mistral|mixtral|ministral|codestral|devstral|magistral|pixtral")
_DEEPSEEK_MODELS = re.compile(r"deepseek")
# Kimi models that think before they call tools.
_KIMI_THINKING = re.compile(r"kimi-(?:k2-thinking|k2\.[5-9]|k[3-9]|thinking)")

_MISTRAL = Refusals(
    "https://docs.mistral.ai/api/ (the schema of each role's message; no stream_options); mistralai/mistral-common #169 "
    "(order); https://docs.mistral.ai/capabilities/completion/#other-useful-features (prefix)",
    hosts=("api.mistral.ai", "codestral.mistral.ai"),
    names=frozenset({"tool"}),
    user_after_tool=True,
    empty_assistant=True,
    bare_last_assistant=True,
    stream_options=True,
)
# Mistral's models at others: the order of turns is checked by the model's own template.
_MISTRAL_ELSEWHERE = replace(
    _MISTRAL,
    models=_MISTRAL_MODELS,
    hosts=(),
    bare_last_assistant=False,
    stream_options=False,
    call_id_length=9,
    exact_call_ids=True,
)
_OPENAI_IDS = Refusals(
    "BerriAI/litellm #11392, anomalyco/opencode #12653: OpenAI takes ids of 40 characters at most", call_id_length=40
)
_DEEPSEEK_ELSEWHERE = Refusals(
    "tbphp/gpt-load #743: DeepSeek's models want strings at other hosts too",
    models=_DEEPSEEK_MODELS,
    text_lists=True,
    missing_content=True,
)

ROWS: Mapping[str, tuple[Refusals, ...]] = {
    **dict.fromkeys(
        (
            "aihubmix", "aiml", "baseten", "cometapi", "custom_openai", "deepinfra", "featherless_ai", "fireworks_ai",
            "friendliai", "gmi", "helicone", "hosted_vllm", "huggingface", "hyperbolic", "lambda_ai", "llamafile",
            "lm_studio", "modelscope", "nano-gpt", "nebius", "novita", "nscale", "nvidia_nim", "openai_like", "ovhcloud",
            "parasail", "poe", "scaleway", "snowflake", "synthetic", "tencent", "together_ai", "vercel_ai_gateway",
            "volcengine", "wandb",
        ),
        (_DEEPSEEK_ELSEWHERE,),
    ),
    "openai": (_OPENAI_IDS, _DEEPSEEK_ELSEWHERE),
    "aiohttp_openai": (_OPENAI_IDS, _DEEPSEEK_ELSEWHERE),
    "azure": (_OPENAI_IDS,),
    "azure_ai": (_OPENAI_IDS, _MISTRAL_ELSEWHERE, _DEEPSEEK_ELSEWHERE),
    "github": (_OPENAI_IDS, _MISTRAL_ELSEWHERE, _DEEPSEEK_ELSEWHERE),
    "codestral": (_MISTRAL,),
    "mistral": (_MISTRAL,),
    "vertex_ai": (_MISTRAL_ELSEWHERE, _DEEPSEEK_ELSEWHERE),
    "vertex_ai_beta": (_MISTRAL_ELSEWHERE, _DEEPSEEK_ELSEWHERE),
    "databricks": (
        Refusals("anomalyco/opencode #4698, continuedev/continue #12936: an unknown field", stream_options=True),
    ),
    "heroku": (Refusals("crmne/ruby_llm #278: an unrecognized request argument", stream_options=True),),
    "deepseek": (
        Refusals(
            "https://api-docs.deepseek.com/api/create-chat-completion (content: a string, required); "
            "BerriAI/litellm #6642, lastmile-ai/mcp-agent #25",
            hosts=("api.deepseek.com",),
            text_lists=True,
            missing_content=True,
        ),
        Refusals(
            "https://api-docs.deepseek.com/guides/thinking_mode (tool calls); earendil-works/pi #4178",
            models=re.compile(r"reasoner|deepseek-v[4-9]"),
            hosts=("api.deepseek.com",),
            unreasoned_calls="",
        ),
    ),
    "groq": (
        Refusals(
            "https://console.groq.com/docs/openai#currently-unsupported-openai-features (messages[].name); "
            "OpenHands/software-agent-sdk #1448 (strings for text)",
            hosts=("api.groq.com",),
            names=frozenset(),
            text_lists=True,
        ),
    ),
    "xai": (
        Refusals("BerriAI/litellm #9720: only users have names", hosts=("api.x.ai",), names=frozenset({"user"})),
        Refusals(
            "https://docs.x.ai/docs/guides/reasoning: presencePenalty, frequencyPenalty and stop are errors there",
            models=re.compile(r"grok-(?:3-mini|[4-9]|code|build|latest)(?!.*non-reasoning)"),
            hosts=("api.x.ai",),
            parameters=frozenset({"stop", "presence_penalty", "frequency_penalty"}),
        ),
        Refusals(
            "https://docs.x.ai/docs/guides/reasoning: reasoning_effort is for Grok 3 mini, and Grok 4.3 and later",
            models=re.compile(r"grok-(?:2|3(?!-mini)|4(?![.\d])|4\.20(?!.*multi-agent)|code|build)"),
            hosts=("api.x.ai",),
            parameters=frozenset({"reasoning_effort"}),
        ),
    ),
    "perplexity": (
        Refusals(
            "perplexityai/api-discussion #265, anomalyco/opencode #9416: users and assistants take turns",
            hosts=("api.perplexity.ai",),
            repeated_roles=True,
        ),
    ),
    "moonshot": (
        Refusals(
            "AstrBotDevs/AstrBot #7200 (no empty assistant message), BerriAI/litellm #42186 (strings for text)",
            hosts=("api.moonshot.ai", "api.moonshot.cn"),
            text_lists=True,
            empty_assistant=True,
        ),
        Refusals(
            "https://platform.kimi.ai/docs/guide/use-kimi-k2-thinking-model; earendil-works/pi #4178: not empty",
            models=_KIMI_THINKING,
            hosts=("api.moonshot.ai", "api.moonshot.cn"),
            unreasoned_calls=" ",
        ),
    ),
    "minimax": (
        Refusals(
            "OpenHands/software-agent-sdk #1314: a tool's result is a string",
            hosts=("api.minimax.io", "api.minimaxi.com"),
            text_lists=True,
        ),
    ),
    "openrouter": (
        Refusals(
            "OpenHands/software-agent-sdk #1448: MiniMax behind OpenRouter; others keep the marks of their caches",
            models=re.compile(r"minimax/"),
            text_lists=True,
        ),
    ),
    "zai": (
        Refusals(
            "OpenHands/software-agent-sdk #1448: GLM takes strings; its models that see take lists with images",
            hosts=("api.z.ai", "open.bigmodel.cn"),
            text_lists=True,
        ),
    ),
    "sambanova": (
        Refusals(
            "BerriAI/litellm #37816: text as a string, lists with images as they are",
            hosts=("api.sambanova.ai",),
            text_lists=True,
        ),
    ),
    "cerebras": (
        Refusals(
            "https://inference-docs.cerebras.ai/resources/openai#currently-unsupported-openai-features",
            hosts=("api.cerebras.ai",),
            parameters=frozenset(
                {"frequency_penalty", "presence_penalty", "logit_bias", "service_tier"}
            ),
        ),
    ),
}  # fmt: skip

_BY_HOST: Mapping[str, str] = {host: name for name, rows in ROWS.items() for row in rows for host in row.hosts}


def find_refusals(deployment: Deployment) -> Refusals:
    """What holds for the deployment's provider and model."""
    model = deployment.model
    # A wildcard's model is a client's word, and may be long.
    if len(model) > _LONGEST_REMEMBERED:
        return _find.__wrapped__(deployment.provider, model[:_LONGEST_REMEMBERED], deployment.api_base)
    return _find(deployment.provider, model, deployment.api_base)


@lru_cache(maxsize=1024)
def _find(provider: str, model: str, base: str | None) -> Refusals:
    if base and provider in GENERIC:
        provider = _BY_HOST.get(_host(base), provider)
    found = NOTHING
    for row in ROWS.get(provider, ()):
        if row.models is None or row.models.search(model.lower()):
            found = _add(found, row)
    return found


def _host(base: str) -> str:
    try:
        return urlsplit(base).hostname or ""
    except ValueError:
        return ""


def _add(one: Refusals, other: Refusals) -> Refusals:
    """Both rows; of two values the later row's, where it has one."""
    changes: dict[str, Any] = {
        "parameters": one.parameters | other.parameters,
        "source": "",
        "models": None,
        "hosts": (),
    }
    for column in fields(Refusals):
        value = getattr(other, column.name)
        if column.init and column.name not in changes and value != column.default:
            changes[column.name] = value
    return replace(one, **changes)


def always_refused(provider: str) -> frozenset[str]:
    """The parameters that none of a provider's models takes."""
    return frozenset().union(*(row.parameters for row in ROWS.get(provider, ()) if row.models is None))
