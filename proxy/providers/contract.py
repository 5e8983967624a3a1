"""What a provider is: one wire format as pure functions, bound in a frozen value.

No I/O, no clock, no randomness that matters, no change to what comes in: a retry and a fallback call
the same functions again with the same values.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, Protocol

from proxy.domain.answer import Answer, Chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT, Operation
from proxy.domain.wire import Event, WireRequest
from proxy.errors import BadRequestError, GatewayError

Framing = Literal["sse", "sse-or-array", "ndjson", "aws-eventstream"]


class StreamDecoder(Protocol):
    """A provider's events into OpenAI chunks, or into chunks of the provider's own form: a fold.

    `usage_so_far()` may return the provider's count before the end, `text_length(data)` the number of characters of
    text a chunk of another form than OpenAI's holds. `form` may name that form where it is not the provider's.
    """

    def feed(self, event: Event) -> list[Chunk]:
        """The chunks that this event completes. Raise a GatewayError for an error event."""

    def finish(self) -> list[Chunk]:
        """The last chunks, when the provider closed the stream. Raise TruncatedStreamError if it had not finished."""


# Credentials that take more than a header: signed (aws) or fetched and cached (google, azure, ibm ...). The provider names
# which, transport/credentials does it after build_request. API keys are put into the headers by build_request itself.
Auth = Literal["aws", "google", "azure", "ibm"]


@dataclass(frozen=True)
class Provider:
    """`deployment.provider` names one of these.

    build_request(call, deployment): raise GatewayError for what the format can't express. `call.fields` holds the body in
        OpenAI's form with the deployment's defaults merged in; `deployment.model` is the model to ask for.
    parse_response(body, headers, call, deployment): a 2xx answer's bytes; raise InvalidProviderResponseError for nonsense.
    parse_error(status, body, headers, deployment): any other answer; returns the error, never raises.
    open_stream(call, deployment): a new decoder. `framing` is the form of the events.
    supported: per operation name the OpenAI parameters that the format can take; None is all. What is not in it is an
        UnsupportedParamsError or, with drop_params, dropped and named. Fields that OpenAI doesn't have always pass.
    refused: of the supported parameters, those that the deployment's model does not take in this request (a temperature
        for a model that has none ...); they are treated like unsupported ones. build_request may raise for them too.
    displaced: parameters, OpenAI's or not, that give way to others of the same request (thinking beside a forced tool);
        they are left out and named, whatever drop_params is.
    media: URLs (http, https) of parts that the provider needs as bytes: the dispatcher fetches them through the address
        guard and hands a call in which they are data URLs.
    variables: environment variables per connection parameter, the first that is set wins: {"api_key": ("OPENAI_API_KEY",)}.
        They are read once, when the configuration is loaded, and only for the operator's own deployments.
    needs_key: a deployment without an api_key can't be served.
    batch: the most inputs that one embeddings request takes for the deployment's model: the dispatcher sends a longer list
        in several requests and joins the answers.
    last_event: the name of the stream's event after which nothing more comes; `[DONE]` is known without it.
    native: by a client dialect's name (see dialects/), the provider as it is asked in that dialect itself. Its build_request
        reads `call.native`, the client's body as it came without the gateway's own fields; its answers and chunks are the
        provider's own bytes. No parameter is fitted, translated or dropped.
    serves: of a native form, the deployments that can be asked in it; the others are asked as the provider itself is.
    is_supposed: of a native form, the deployments that may lack it: one that answers 404 or 405 is asked as the provider
        itself from then on.
    prepare: of a native form, the call with `call.native` as it goes out, and the names of the members that are left out.
    alternative: another way to answer its chats, for models that need it.
    passes_bytes: an answer that is no event stream is passed on as it comes, byte by byte (audio).
    forms: by operation name, the provider as it is asked for an operation that has a wire form of its own (rerank, images,
        audio): see `with_forms`.
    form: the dialect that its answers and chunks are written in.
    signed_ids: it reads the signatures that Gemini's tool call ids carry (call_ids.py); the others get plain ids.
    """

    name: str
    build_request: Callable[[Call, Deployment], WireRequest]
    parse_response: Callable[[bytes, Mapping[str, str], Call, Deployment], Answer]
    parse_error: Callable[[int, bytes, Mapping[str, str], Deployment], GatewayError]
    open_stream: Callable[[Call, Deployment], StreamDecoder]
    framing: Framing = "sse"
    operations: tuple[Operation, ...] = (CHAT,)
    supported: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    refused: Callable[[Mapping[str, Any], Deployment], frozenset[str]] | None = None
    displaced: Callable[[Mapping[str, Any], Deployment], frozenset[str]] | None = None
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    base_url: str | None = None
    auth: Auth | None = None
    media: Callable[[Mapping[str, Any]], tuple[str, ...]] | None = None
    batch: Callable[[Deployment], int] | None = None
    needs_key: bool = True
    native: Mapping[str, "Provider"] = field(default_factory=dict)
    serves: Callable[[Deployment], bool] | None = None
    is_supposed: Callable[[Deployment], bool] | None = None
    prepare: Callable[[Call, Deployment], tuple[Call, tuple[str, ...]]] | None = None
    alternative: "Alternative | None" = None
    passes_bytes: bool = False
    forms: Mapping[str, "Provider"] = field(default_factory=dict)
    form: str = "openai"
    signed_ids: bool = False
    last_event: str = ""

    def form_for(self, operation: Operation) -> "Provider":
        """The provider as it is asked for the operation."""
        return self.forms.get(operation.name, self)


class Alternative(NamedTuple):
    """A provider's chats asked in another form of it.

    `need`: (model, mode, api_base, use_responses_api) of a deployment; "" never, "always", or any other word where the
    request decides: `fits` of its fields.
    """

    need: Callable[[str, Any, str | None, bool | None], str]
    fits: Callable[[Mapping[str, Any]], bool]
    form: Provider


@dataclass(frozen=True)
class Form:
    """How a provider is asked for one operation. The rest (errors, key, address, credentials) is the provider's own.

    `supported`: None is all of the operation's parameters.
    `open_stream`: None is for one that has no events. `passes_bytes`, `refused`: see Provider.
    """

    operation: Operation
    build_request: Callable[[Call, Deployment], WireRequest]
    parse_response: Callable[[bytes, Mapping[str, str], Call, Deployment], Answer]
    supported: frozenset[str] | None = None
    open_stream: Callable[[Call, Deployment], StreamDecoder] | None = None
    passes_bytes: bool = False
    refused: Callable[[Mapping[str, Any], Deployment], frozenset[str]] | None = None


def refuse_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    """For a form without events. Raise BadRequestError."""
    raise BadRequestError(
        f"{deployment.provider} has no streams of {call.operation.name}", param="stream", provider=deployment.provider
    )


def with_forms(provider: Provider, forms: Sequence[Form]) -> Provider:
    """The provider, which serves the operations of these forms too."""
    if not forms:
        return provider
    named = {form.operation.name: form for form in forms}
    supported = {**provider.supported, **{name: form.supported for name, form in named.items()}}
    operations = tuple(dict.fromkeys((*provider.operations, *(form.operation for form in forms))))
    built = {name: _as_provider(provider, form) for name, form in named.items()}
    return replace(provider, operations=operations, supported=supported, forms={**provider.forms, **built})


def _as_provider(provider: Provider, form: Form) -> Provider:
    return replace(
        provider,
        build_request=form.build_request,
        parse_response=form.parse_response,
        open_stream=form.open_stream or refuse_stream,
        passes_bytes=form.passes_bytes,
        framing="sse",
        operations=(form.operation,),
        supported={form.operation.name: form.supported},
        refused=form.refused,
        displaced=None,
        media=None,
        batch=None,
        native={},
        alternative=None,
        forms={},
        last_event="",
    )
