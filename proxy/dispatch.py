"""One call to one deployment: the provider's request out, the transport, the provider's answer back."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from proxy.domain.answer import Answer, Chunk, Reply, StreamReply
from proxy.domain.attempt import Result, Settle
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.document import Document
from proxy.domain.wire import ClientWatch, Clocks, Decoder, WireRequest, WireResponse
from proxy.errors import (
    BadRequestError,
    ClientClosedRequestError,
    ConfigurationError,
    GatewayError,
    InternalServerError,
)
from proxy.media import inline_media
from proxy.providers.call_ids import without_signatures
from proxy.providers.contract import Auth, Provider, StreamDecoder
from proxy.providers.parameters import fit
from proxy.runtime import Runtime
from proxy.transport.credentials import Credentials

# A stream is held back until it says something, but not for ever and not without bound.
HELD_CHUNKS = 64
HELD_BYTES = 256 * 1024


class Sender(Protocol):
    """What is needed of the transport."""

    def send(self, request: WireRequest, clocks: Clocks, client: ClientWatch | None = None) -> WireResponse: ...


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
    ) -> None:
        self._transport = transport
        self._runtime = runtime
        self._find_provider = find_provider
        self._decoders = decoders
        self._credentials = credentials
        self._drop_params = drop_params

    def send(self, call: Call, deployment: Deployment, clocks: Clocks, settle: Settle) -> Reply:
        """Raise GatewayError; settle exactly once, for a stream when it ends, breaks or is closed."""
        started = self._runtime.monotonic()
        try:
            reply = self._attempt(call, deployment, clocks, settle, started)
        except GatewayError as error:
            settle(Result(self._runtime.monotonic() - started, error))
            raise
        except Exception:
            settle(Result(self._runtime.monotonic() - started, InternalServerError("Internal server error")))
            raise
        if isinstance(reply, Answer):
            settle(Result(self._runtime.monotonic() - started, usage=reply.usage))
        return reply

    def wire_request(self, call: Call, deployment: Deployment) -> WireRequest:
        """The request that `send` would make, unsigned: for explaining a plan."""
        provider = self._provider(deployment)
        prepared, _ = self._prepare(call, deployment, provider)
        return _with_extra_headers(provider.build_request(prepared, deployment), call, deployment)

    def _provider(self, deployment: Deployment) -> Provider:
        provider = self._find_provider(deployment.provider)
        if provider is None:
            raise BadRequestError(f"There is no provider named '{deployment.provider}'.", param="model")
        return provider

    def _prepare(self, call: Call, deployment: Deployment, provider: Provider) -> tuple[Call, tuple[str, ...]]:
        """The call as this provider takes it, and the names of what was left out."""
        document = _with_defaults(call, deployment)
        full = call.asking(call.model, document if provider.signed_ids else without_signatures(document))
        fitted = fit(full, deployment, provider, drop_params=self._drop_params)
        if not fitted.changes and not fitted.drop:
            return full, ()
        return call.asking(call.model, full.document.edit(fitted.changes, fitted.drop)), fitted.dropped

    def _sign(self, provider: Provider, call: Call, deployment: Deployment) -> WireRequest:
        """The provider's request with its credentials. What is missing of a client's own deployment is the client's fault."""
        try:
            request = _with_extra_headers(provider.build_request(call, deployment), call, deployment)
            return self._credentials[provider.auth].apply(request, deployment) if provider.auth else request
        except ConfigurationError as error:
            if not deployment.client_owned:
                raise
            raise BadRequestError(error.message, param="model", provider=error.provider) from None

    def _attempt(
        self, call: Call, deployment: Deployment, clocks: Clocks, settle: Settle, started: float
    ) -> Answer | StreamReply:
        provider = self._provider(deployment)
        prepared, dropped = self._prepare(call, deployment, provider)
        if provider.media is not None:
            prepared = inline_media(prepared, provider.media(prepared.fields), self._transport, clocks)
        request = self._sign(provider, prepared, deployment)
        sent = self._runtime.monotonic()
        try:
            response = self._transport.send(request, clocks, call.client)
        except GatewayError as error:
            raise _for_clients(error, request, call, deployment) from error
        if not 200 <= response.status < 300:
            raise provider.parse_error(response.status, response.read(), response.headers, deployment)
        if call.stream:
            stream = ProviderStream(
                response,
                self._decoders[provider.framing](),
                provider.open_stream(prepared, deployment),
                Settling(settle, self._runtime.monotonic, started),
            )
            stream.wait_for_content()
            return StreamReply(iter(stream), stream.close, response.headers, dropped, self._runtime.monotonic() - sent)
        body = response.read()
        provider_seconds = self._runtime.monotonic() - sent
        answer = provider.parse_response(body, response.headers, prepared, deployment)
        return Answer(answer.body, answer.usage, answer.model, response.headers, dropped, provider_seconds)


def _for_clients(error: GatewayError, request: WireRequest, call: Call, deployment: Deployment) -> GatewayError:
    """A transport's error names the host, which is the operator's business unless the client named it itself."""
    host = urlsplit(request.url).netloc.rpartition("@")[2]
    message = error.message if request.guarded else error.message.replace(host, f"the provider of '{call.model}'")
    return type(error)(
        f"{type(error).__name__}: {deployment.provider} - {message}",
        param=error.param,
        provider=deployment.provider,
        retry_after=error.retry_after,
    )


def _with_defaults(call: Call, deployment: Deployment) -> Document:
    """The client's body over the deployment's default parameters; tools add up."""
    fields, extra = call.fields, deployment.connection.get("extra_body") or {}
    changes = {name: value for name, value in {**deployment.defaults, **extra}.items() if name not in fields}
    if "tools" in deployment.defaults and isinstance(fields.get("tools"), list):
        changes["tools"] = [*deployment.defaults["tools"], *fields["tools"]]
    return call.document.edit(changes) if changes else call.document


def _with_extra_headers(request: WireRequest, call: Call, deployment: Deployment) -> WireRequest:
    configured = {**deployment.connection.get("headers", {}), **deployment.connection.get("extra_headers", {})}
    asked = call.options.extra_headers
    if not configured and not asked:
        return request
    headers = dict(request.headers)
    headers.update({name.lower(): str(value) for name, value in {**configured, **asked}.items()})
    return WireRequest(request.url, request.body, headers, request.method, request.guarded)


class Settling:
    """Settles a try once, whoever comes first: its end, its failure or its being closed."""

    def __init__(self, settle: Settle, monotonic: Callable[[], float], started: float) -> None:
        self._settle, self._monotonic, self._started = settle, monotonic, started
        self._done = False
        self._first: float | None = None

    def content(self) -> None:
        if self._first is None:
            self._first = self._monotonic() - self._started

    def end(self, error: GatewayError | None, usage: Any) -> None:
        if not self._done:
            self._done = True
            self._settle(Result(self._monotonic() - self._started, error, usage, self._first))


class ProviderStream:
    """A provider's open answer as lists of chunks. What comes before the first content (role, pings) is held back."""

    def __init__(self, response: WireResponse, framing: Decoder, decoder: StreamDecoder, settling: Settling) -> None:
        self._response = response
        self._framing = framing
        self._decoder = decoder
        self._settling = settling
        self._batches = self._read()
        self._held: list[Chunk] = []
        self._usage: Any = None

    def wait_for_content(self) -> None:
        """Read until something is there to show. A failure until then closes the connection and is raised."""
        size = 0
        try:
            for batch in self._batches:
                self._held.extend(batch)
                size += sum(len(chunk.data) for chunk in batch)
                if any(chunk.content or chunk.finished for chunk in batch):
                    break
                if len(self._held) >= HELD_CHUNKS or size >= HELD_BYTES:
                    break
        except BaseException:
            self._response.close()
            raise
        self._settling.content()

    def __iter__(self) -> Iterator[list[Chunk]]:
        try:
            if self._held:
                held, self._held = self._held, []
                yield held
            yield from self._batches
        except GatewayError as error:
            self._settling.end(error, self._usage)
            raise
        else:
            self._settling.end(None, self._usage)
        finally:
            self.close()

    def close(self) -> None:
        """Give the provider's connection up; before the end this means that the client left."""
        self._response.close()
        self._settling.end(ClientClosedRequestError("The client closed the connection."), self._usage)

    def _read(self) -> Iterator[list[Chunk]]:
        for block in self._response.blocks():
            batch = self._decode(self._framing.feed(block)) if block else []
            if batch or not block:
                yield batch
        batch = self._decode(self._framing.finish())
        batch.extend(self._decoder.finish())
        if batch:
            yield batch

    def _decode(self, events: list[Any]) -> list[Chunk]:
        feed = self._decoder.feed
        chunks = [chunk for event in events for chunk in feed(event)]
        for chunk in chunks:
            if chunk.usage is not None:
                self._usage = chunk.usage
        return chunks
