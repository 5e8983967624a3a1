"""One call to one deployment: the provider's request out, the transport, the provider's answer back."""

import math
from collections.abc import Callable, Mapping

from proxy.dispatch.exchange import Exchange, Sender
from proxy.dispatch.media import inline_media
from proxy.dispatch.native import NativeForms, prepare_native
from proxy.dispatch.response import ErrorRedactor, ProviderResponse
from proxy.dispatch.stream import Meter, OnceOnly, ProviderStream, text_length
from proxy.domain.answer import Answer, Reply, StreamReply
from proxy.domain.attempt import OnResult, Result
from proxy.domain.bridged import BridgedDocument
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.mocking import mocked
from proxy.domain.operations import CHAT, EMBEDDINGS
from proxy.domain.secrets import PLAIN_HEADERS
from proxy.domain.trace import outgoing_traceparent
from proxy.domain.wire import Clocks, Decoder, WireRequest, WireResponse
from proxy.errors import (
    BadRequestError,
    ConfigurationError,
    GatewayError,
    LocalResourceError,
    MethodNotAllowedError,
    NotFoundError,
)
from proxy.providers.contract import Auth, Provider
from proxy.providers.parameters import AS_IT_IS, NOTHING_OPTIONAL, fit
from proxy.providers.translation.call_ids import without_signatures
from proxy.providers.translation.embeddings import join_answers, split_inputs
from proxy.runtime import Runtime
from proxy.transport.credentials import Credentials


class Dispatcher:
    """Joins providers and transport. `send` is what the router calls for each try."""

    def __init__(
        self,
        transport: Sender,
        runtime: Runtime,
        find_provider: Callable[[str], Provider | None],
        decoders: Mapping[str, Callable[[], Decoder]],
        credentials: Mapping[Auth, Credentials],
        drop_params: bool = False,
        forward_trace: bool = False,
    ) -> None:
        self._transport = transport
        self._runtime = runtime
        self._find_provider = find_provider
        self._decoders = decoders
        self._credentials = credentials
        self._drop_params = drop_params
        self._forward_trace = forward_trace
        self._forms = NativeForms()

    def send(self, call: Call, deployment: Deployment, clocks: Clocks, on_result: OnResult) -> Reply:
        """Raise GatewayError; report exactly one result, for a stream when it ends, breaks or is closed."""
        exchange = Exchange(self._transport, call, clocks, self._runtime.monotonic)
        try:
            reply = self._attempt(call, deployment, on_result, exchange)
        except GatewayError as error:
            error.dropped = exchange.dropped
            on_result(Result(exchange.seconds(), error))
            raise
        except Exception as exception:
            failure = exchange.failure(exception)
            on_result(Result(exchange.seconds(), failure))
            if isinstance(failure, BadRequestError | LocalResourceError):
                raise failure from exception
            raise
        if isinstance(reply, Answer):
            on_result(Result(self._runtime.monotonic() - exchange.started, usage=reply.usage))
        return reply

    def count_requests(self, call: Call, deployment: Deployment) -> int:
        """How many requests an embeddings call becomes at this deployment's provider."""
        provider, inputs = self._find_provider(deployment.provider), call.fields.get("input")
        if provider is None or provider.batch is None or not isinstance(inputs, list):
            return 1
        return max(1, math.ceil(len(inputs) / provider.batch(deployment)))

    def wire_request(self, call: Call, deployment: Deployment) -> WireRequest:
        """The request that `send` would make, unsigned: for explaining a plan."""
        call, deployment = mocked(call, deployment)
        provider = self._provider(deployment)
        provider, prepared, _ = self._prepare(call, deployment, provider)
        part = _parts(provider, prepared, deployment)[0]
        return _with_extra_headers(provider.build_request(part, deployment), call, deployment)

    def _provider(self, deployment: Deployment) -> Provider:
        provider = self._find_provider(deployment.provider)
        if provider is None:
            raise BadRequestError(f"There is no provider named '{deployment.provider}'.", param="model")
        return provider

    def _prepare(
        self, call: Call, deployment: Deployment, provider: Provider
    ) -> tuple[Provider, Call, tuple[str, ...]]:
        """How the provider is asked, the call as it takes it, and the names of what was left out."""
        left_out: tuple[str, ...] = ()
        optional = NOTHING_OPTIONAL
        if call.native is not None:
            native = self._forms.find(provider, call, deployment)
            if native is not None:
                return native, *prepare_native(native, call, deployment)
            if isinstance(call.document, BridgedDocument):
                left_out, optional = call.document.left_out, call.document.optional
        if provider.forms:
            provider = provider.forms.get(call.operation.name, provider)
        document = _with_defaults(call, deployment)
        other = provider.alternative
        if other is not None and call.operation is CHAT:
            need = other.need(
                deployment.model, deployment.info.get("mode"), deployment.api_base, deployment.use_responses_api
            )
            if need and (need == "always" or other.fits(document.fields)):
                provider = other.form
        document = document if provider.signed_ids else without_signatures(document)
        full = call if document is call.document else call.asking(call.model, document)
        fitted = fit(full, deployment, provider, drop_params=self._drop_params, optional=optional)
        if fitted is AS_IT_IS:
            return provider, full, left_out
        document = full.document.edit(fitted.changes, fitted.drop)
        return provider, call.asking(call.model, document), (*left_out, *fitted.dropped)

    def _sign(self, provider: Provider, call: Call, deployment: Deployment) -> WireRequest:
        """The provider's request with its credentials. What is missing of a client's own deployment is the client's fault."""
        try:
            request = _with_extra_headers(provider.build_request(call, deployment), call, deployment)
            request = _with_trace(request, call) if self._forward_trace else request
            request = self._credentials[provider.auth].apply(request, deployment) if provider.auth else request
            if "ssl_verify" in deployment.connection:
                request = request._replace(verify=deployment.connection["ssl_verify"])
            return request._replace(cacheable=False) if self._is_unique(call, deployment, provider) else request
        except ConfigurationError as error:
            if not deployment.client_owned:
                raise
            raise BadRequestError(error.message, param="model", provider=error.provider) from None

    def _is_unique(self, call: Call, deployment: Deployment, provider: Provider) -> bool:
        """Whether the request's headers are for it alone: a client's key, a client's headers, a trace, a signature."""
        return (
            self._forward_trace or deployment.client_owned or provider.auth == "aws" or bool(call.options.extra_headers)
        )

    def _attempt(
        self, call: Call, deployment: Deployment, on_result: OnResult, exchange: Exchange
    ) -> Answer | StreamReply:
        call, deployment = mocked(call, deployment)
        provider, prepared, exchange.dropped = self._prepare(call, deployment, self._provider(deployment))
        if provider.media is not None:
            prepared = inline_media(prepared, provider.media(prepared.fields), exchange.fetch)
        try:
            if call.stream or provider.passes_bytes:
                once = OnceOnly(on_result, self._runtime.monotonic, exchange.started)
                return self._open(provider, prepared, deployment, once, exchange)
            parts = _parts(provider, prepared, deployment)
            if len(parts) == 1:
                return self._ask(provider, parts[0], deployment, exchange)
            return join_answers([self._ask(provider, part, deployment, exchange) for part in parts])
        except (NotFoundError, MethodNotAllowedError) as error:
            if not self._forms.refute(provider, call, deployment, error):
                raise
        return self._attempt(call, deployment, on_result, exchange)

    def _open(
        self, provider: Provider, call: Call, deployment: Deployment, once: OnceOnly, exchange: Exchange
    ) -> StreamReply:
        sent = self._runtime.monotonic()
        decoder = provider.open_stream(call, deployment)
        stream = ProviderStream(
            self._send(provider, call, deployment, exchange),
            self._decoders[provider.framing if call.stream else "raw"](),
            decoder,
            Meter(call.observed_fields, getattr(decoder, "text_length", text_length)),
            once,
            exchange.clocks,
            provider.last_event,
            self._runtime.monotonic,
        )
        stream.wait_for_content(sent)
        form = getattr(decoder, "form", provider.form)
        return stream.reply(exchange.dropped, self._runtime.monotonic() - sent, form)

    def _ask(self, provider: Provider, call: Call, deployment: Deployment, exchange: Exchange) -> Answer:
        """The whole answer to one request."""
        monotonic = self._runtime.monotonic
        sent = monotonic()
        response = self._send(provider, call, deployment, exchange)
        body = response.read()
        seconds = monotonic() - sent
        answer = provider.parse_response(body, response.headers, call, deployment)
        return Answer(
            answer.body,
            answer.usage,
            answer.model,
            response.headers,
            exchange.dropped,
            seconds,
            provider.form,
            answer.content_type,
        )

    def _send(self, provider: Provider, call: Call, deployment: Deployment, exchange: Exchange) -> WireResponse:
        """The provider's 2xx answer; any other is raised as its error."""
        request = self._sign(provider, call, deployment)
        redactor = ErrorRedactor.of(request, call, deployment)
        try:
            response = ProviderResponse(exchange.transmit(request), redactor)
        except GatewayError as error:
            raise redactor.redact(error) from error
        if not 200 <= response.status < 300:
            raise provider.parse_error(response.status, response.read(), response.headers, deployment)
        return response


def _parts(provider: Provider, call: Call, deployment: Deployment) -> list[Call]:
    if provider.batch is None or call.operation is not EMBEDDINGS:
        return [call]
    return split_inputs(call, provider.batch(deployment))


def _with_defaults(call: Call, deployment: Deployment) -> Document:
    """The client's body over the deployment's default parameters; tools add up."""
    defaults, extra = deployment.defaults, deployment.connection.get("extra_body")
    if not defaults and not extra:
        return call.document
    fields = call.fields
    changes = {name: value for name, value in {**defaults, **(extra or {})}.items() if name not in fields}
    if "tools" in defaults and isinstance(fields.get("tools"), list):
        changes["tools"] = [*defaults["tools"], *fields["tools"]]
    return call.document.edit(changes) if changes else call.document


# Headers that name features: those of the configuration and of the client come beside what the request needs.
_LISTS = frozenset({"anthropic-beta"})


def _with_extra_headers(request: WireRequest, call: Call, deployment: Deployment) -> WireRequest:
    connection, asked = deployment.connection, call.options.extra_headers
    if not asked and "headers" not in connection and "extra_headers" not in connection:
        return request
    configured = {**connection.get("headers", {}), **connection.get("extra_headers", {})}
    headers = dict(request.headers)
    _lay_over(headers, configured)
    if not deployment.client_owned:
        _check_replaced(asked, headers)
    _lay_over(headers, asked)
    return request._replace(headers=headers)


def _lay_over(headers: dict[str, str], others: Mapping[str, object]) -> None:
    for name, value in others.items():
        own = headers.get(name.lower()) if name.lower() in _LISTS else None
        headers[name.lower()] = f"{own},{value}" if own else str(value)


def _check_replaced(asked: Mapping[str, str], headers: Mapping[str, str]) -> None:
    """A client calls as itself with an `api_key`; a header in the place of the operator's would fail in his name."""
    for name in map(str.lower, asked):
        if name in headers and name not in PLAIN_HEADERS:
            raise BadRequestError(
                f"extra_headers may not replace '{name}', which this model's configuration sets; a key of your own "
                "is sent as 'api_key'.",
                param=f"extra_headers.{name}",
            )


def _with_trace(request: WireRequest, call: Call) -> WireRequest:
    """The request as a part of the client's trace, or of one of its own."""
    traceparent = outgoing_traceparent(call.id, call.requester.traceparent)
    headers = {**request.headers, "traceparent": traceparent}
    return request._replace(headers=headers)
