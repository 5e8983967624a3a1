"""A provider's answer whose failures are told as a client may hear them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from urllib.parse import urlsplit

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.wire import WireRequest, WireResponse
from proxy.errors import GatewayError


class Told(AbstractContextManager[None]):
    """Renames the host in the transport's errors: it is the operator's business unless the client named it itself.

    It keeps nothing of what passes, so it can be entered again.
    """

    def __init__(self, request: WireRequest, call: Call, deployment: Deployment) -> None:
        self._url = None if request.guarded else request.url
        self._model = call.model
        self._provider = deployment.provider

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, GatewayError):
            raise self._rename(error) from error

    def _rename(self, error: GatewayError) -> GatewayError:
        message = error.message
        if self._url is not None:
            host = urlsplit(self._url).netloc.rpartition("@")[2]
            message = message.replace(host, f"the provider of '{self._model}'")
        return type(error)(
            f"{type(error).__name__}: {self._provider} - {message}",
            param=error.param,
            provider=self._provider,
            retry_after=error.retry_after,
        )


class ProviderResponse:
    """The transport's answer."""

    def __init__(self, response: WireResponse, told: Told) -> None:
        self._response = response
        self._told = told
        self.status = response.status
        self.headers = response.headers
        self.close = response.close

    def read(self) -> bytes:
        with self._told:
            return self._response.read()

    def blocks(self) -> Iterator[bytes]:
        with self._told:
            yield from self._response.blocks()
