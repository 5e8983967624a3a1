"""A provider's answer, its failures redacted for the client."""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.wire import WireRequest, WireResponse
from proxy.errors import GatewayError


class ErrorRedactor(NamedTuple):
    """Removes the provider's host from transport errors, unless the client supplied that host.

    Holds only what the message needs, not the request: streams stay open for a long time. `url` is None for a client's own.
    """

    url: str | None
    model: str
    provider: str

    @classmethod
    def of(cls, request: WireRequest, call: Call, deployment: Deployment) -> "ErrorRedactor":
        return cls(None if request.guarded else request.url, call.model, deployment.provider)

    def redact(self, error: GatewayError) -> GatewayError:
        """The error as a client may see it."""
        message = error.message
        if self.url is not None:
            host = urlsplit(self.url).netloc.rpartition("@")[2]
            message = message.replace(host, f"the provider of '{self.model}'")
        return type(error)(
            f"{type(error).__name__}: {self.provider} - {message}",
            param=error.param,
            provider=self.provider,
            retry_after=error.retry_after,
        )


class ProviderResponse:
    """The transport's answer."""

    def __init__(self, response: WireResponse, redactor: ErrorRedactor) -> None:
        self._response = response
        self._redactor = redactor
        self.status = response.status
        self.headers = response.headers
        self.close = response.close

    def read(self) -> bytes:
        try:
            return self._response.read()
        except GatewayError as error:
            raise self._redactor.redact(error) from error

    def blocks(self) -> Iterator[bytes]:
        try:
            yield from self._response.blocks()
        except GatewayError as error:
            raise self._redactor.redact(error) from error
