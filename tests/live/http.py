"""A small HTTP client that shows what is on the wire: status, headers, and a stream's events as they come."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.live.servers import Server


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def request(
    server: Server, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, timeout: float = 20
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    try:
        raw = None if body is None else json.dumps(body)
        connection.request(method, path, raw, {"content-type": "application/json", **(headers or {})})
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def chat(server: Server, body: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
    return request(server, "POST", "/v1/chat/completions", body, headers)


class Stream:
    """An open stream. Iterating yields the payloads of `data:` lines and, as they are, comments."""

    def __init__(
        self, server: Server, body: dict[str, Any], timeout: float = 20, path: str = "/v1/chat/completions"
    ) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
        headers = {"content-type": "application/json"}
        self._connection.request("POST", path, json.dumps({**body, "stream": True}), headers)
        self._response = self._connection.getresponse()
        self.status = self._response.status
        self.headers = {name.lower(): value for name, value in self._response.getheaders()}

    def __iter__(self) -> Iterator[str]:
        for line in self._response:
            text = line.decode().rstrip("\n")
            if text:
                yield text.removeprefix("data: ")

    def close(self) -> None:
        """Leave, as a client does that has been stopped."""
        self._connection.close()
        self._response.close()


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """True as soon as the condition holds; False if it still does not after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def open_answers(upstream: Server) -> int:
    """How many answers the fake provider is giving right now."""
    count: int = request(upstream, "GET", "/_open").json()["open"]
    return count
