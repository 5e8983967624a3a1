"""What is fuzzed: each target tries one random input, and raises AssertionError for one that breaks its promise.

Inputs come from a seeded generator alone, so a failure is repeated by its seed.
"""

import contextlib
import ipaddress
import json
import logging
import random
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gunicorn.config import Config
from gunicorn.http import message
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.unreader import IterUnreader

from proxy.domain.json_text.codec import dumps, loads
from proxy.domain.json_text.document import Document, NotAnObjectError
from proxy.domain.quotes import without_quotes
from proxy.domain.wire import Clocks, WireRequest
from proxy.errors import GatewayError
from proxy.fastpath.gunicorn_request import Bounds, read_request
from proxy.transport.clocks import Stopwatch
from proxy.transport.guard import Guard
from tests.providers.nonsense import RICH_CHAT
from tests.providers.recordings import FIXTURES
from tests.security.request_cost import MODELS
from tests.security.wire import Reply, Wire, application, entry

Try = Callable[[random.Random], None]

_PIECES = (
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"chunked", b"Content-Length: 5\r\n", b"Host: a\r\n", b"\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n", b"HTTP/1.1", b"HTTP/1.0", b"//", b"_", b"\xff", b"Expect: 100-continue\r\n", b"a_b: c\r\n",
)  # fmt: skip
_HEADS = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nX-One: b\r\n\r\nhello",
    b"GET /v1/models?a=b HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
)
_CONFIG = Config()
_BOUNDS = Bounds(8190, 8190, 100, frozenset(_CONFIG.secure_scheme_headers))
_PEER = ("127.0.0.1", 50000)


def mutate(rng: random.Random, data: bytes, pieces: Sequence[bytes], most: int = 4) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, most)):
        at, kind = rng.randrange(len(changed) + 1), rng.randrange(5)
        if kind == 0:
            changed[at:at] = rng.choice(pieces)
        elif kind == 1:
            del changed[at : at + rng.randint(1, 12)]
        elif kind == 2 and at < len(changed):
            changed[at] = rng.randrange(256)
        elif kind == 3:
            changed[at:at] = changed[at : at + rng.randint(1, 40)]
        else:
            changed[at : at + rng.randint(1, 8)] = rng.choice(pieces)
    return bytes(changed)


def try_parser(rng: random.Random) -> None:
    """The fast parser reads a request as gunicorn's does, or leaves it to that."""
    data = mutate(rng, rng.choice(_HEADS), _PIECES)
    cut = rng.randrange(len(data) + 1)
    blocks = [part for part in (data[:cut], data[cut:]) if part]
    expected = _parsed(lambda: message.Request(_CONFIG, IterUnreader(iter(blocks)), _PEER, 1))
    found = _parsed(lambda: read_request(_BOUNDS, _CONFIG, IterUnreader(iter(blocks)), _PEER, 1))
    assert found == expected, data


def _parsed(read: Callable[[], Any]) -> Any:
    try:
        request = read()
        names = ("method", "uri", "path", "query", "version", "headers", "scheme", "must_close")
        facts = [getattr(request, name) for name in names]
        return [*facts, request.should_close(), request.body.read(), request.unreader.take_buffered()]
    except (ParseException, NoMoreData, StopIteration) as error:
        return type(error).__name__


JUNK: tuple[Any, ...] = (
    None, -1, 0, 2**70, 1e308, "", "x", "\0", "é\ud800", "a" * 5000, True, [], {}, [[]], [{}], {"type": {}},
    {"": None}, [None] * 50, "https://[", "data:", "data:image/png;base64,%%", "$ref",
)  # fmt: skip


def broken(rng: random.Random, value: Any, parts: int = 2) -> Any:
    """The value with some parts of it replaced, repeated, renamed or missing."""
    whole = json.loads(json.dumps(value))
    for _ in range(rng.randint(1, parts)):
        places = [*_places(whole)]
        holder, step = rng.choice(places)
        kind = rng.randrange(4)
        if kind == 0:
            holder[step] = rng.choice(JUNK)
        elif kind == 1:
            holder[step] = rng.choice(places)[0]
            if _is_circular(whole):
                holder[step] = None
        elif kind == 2 and isinstance(holder, dict):
            del holder[step]
        elif isinstance(holder, list):
            holder.append(holder[step])
        else:
            holder[rng.choice(["type", "role", "content", "x" * 300, ""])] = holder[step]
    return whole


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in [*items]:
        yield value, step
        yield from _places(item)


def _is_circular(value: Any) -> bool:
    try:
        json.dumps(value)
    except ValueError:
        return True
    return False


_OPTIONS = {
    "temperature": 0.5, "stop": ["a"], "tags": ["t"], "metadata": {"a": 1}, "fallbacks": [{"model": "m"}], "timeout": 5,
    "response_format": {"type": "json_object"}, "extra_body": {"a": 1}, "extra_headers": {"x-a": "b"}, "logit_bias": {"1": 2},
    "reasoning_effort": "low", "thinking": {"type": "enabled", "budget_tokens": 1024}, "user": "u", "stream_options": {},
    "additional_drop_params": ["tools[*].function.strict"], "drop_params": True,
}  # fmt: skip


class Bodies:
    """A mutated body gets an answer or a refusal, never an error of the gateway's own."""

    def __init__(self) -> None:
        entries = [entry(model, model, **_CONNECTION) for model in MODELS]
        self._client = application(Wire(), *entries, litellm_settings={"drop_params": True})
        self._paths = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/moderations", "/router/explain",
                       "/v1/messages", "/v1/responses")  # fmt: skip

    def __call__(self, rng: random.Random) -> None:
        options = dict(rng.sample([*_OPTIONS.items()], rng.randint(0, 6)))
        model = rng.choice(MODELS)
        body = {"model": model, "max_tokens": 9, "input": "i", "prompt": "p", **RICH_CHAT, **options}
        raw = to_json(broken(rng, body))
        if rng.random() < 0.2:
            raw = mutate(rng, raw, (b'"', b"{", b"[", b"\\ud800", b"1e999", b"9" * 30, b'"model":1,', b"\0", b"]"))
        logging.getLogger("patchbay").handlers.clear()
        answer = self._client.post(rng.choice(self._paths), data=raw, content_type="application/json")
        assert answer.status_code != 500, (model, answer.text[:300], raw[:2000])


_CONNECTION = {
    "api_base": "https://provider.example", "api_version": "2024-10-21", "vertex_project": "project",
    "vertex_location": "us-central1", "aws_region_name": "us-east-1", "project_id": "p",
}  # fmt: skip


def to_json(value: Any) -> bytes:
    """Half surrogate pairs have an escape only."""
    return json.dumps(value).encode()


class Answering:
    """A provider that answers with whatever the target puts into `body`."""

    status, body, headers = 200, b"", {"content-type": "application/json"}

    def send(self, request: WireRequest, clocks: Clocks, client: object = None) -> Any:
        return Reply(self.status, self.body, self.headers)


class Answers:
    """A provider's mutated answer is translated or an error of the provider, never of the gateway."""

    def __init__(self) -> None:
        self._wire = Answering()
        self._recorded = [*_recorded_answers()]
        names = dict.fromkeys(f"{provider}/{model}" for provider, model, _, _ in self._recorded)
        entries = [entry(name, name, **_CONNECTION) for name in names]
        self._client = application(self._wire, *entries)  # type: ignore[arg-type]

    def __call__(self, rng: random.Random) -> None:
        provider, model, content_type, body = rng.choice(self._recorded)
        try:
            mutated = (
                to_json(broken(rng, json.loads(body))) if rng.random() < 0.6 else mutate(rng, body, _ANSWER_PIECES, 6)
            )
        except (ValueError, IndexError):
            mutated = mutate(rng, body, _ANSWER_PIECES, 6)
        stream = "event-stream" in content_type or rng.random() < 0.3
        self._wire.body, self._wire.status = mutated, rng.choice((200, 200, 200, 400, 429, 500, 301, 204))
        self._wire.headers = {
            "content-type": content_type,
            "retry-after": rng.choice(("1", "1e400", "-1", "x" * 100, "\xff")),
        }
        asked = {"model": f"{provider}/{model}", "messages": [{"role": "user", "content": "hi"}], "stream": stream}
        logging.getLogger("patchbay").handlers.clear()
        answer = self._client.post("/v1/chat/completions", json=asked)
        text = answer.text
        assert "Internal server error" not in text, (provider, text[-300:], mutated[:2000])


_ANSWER_PIECES = (
    b"data: ", b"\n\n", b"event: x\n", b'"', b"null", b"1e999", b"-1", b"9" * 40, b"{}", b"[]", b"[DONE]", b"\xff", b"\\ud800",
)  # fmt: skip


def _recorded_answers() -> Iterator[tuple[str, str, str, bytes]]:
    for path in sorted(FIXTURES.glob("*/chat-*.json")):
        recorded = json.loads(path.read_text())
        for exchange in recorded["exchanges"]:
            response = exchange["response"]
            body = response.get("body")
            if isinstance(body, str):
                kind = response.get("headers", {}).get("content-type", "application/json")
                model = str(recorded["model"]).removeprefix(f"{path.parent.name}/")
                yield path.parent.name, model, kind, body.encode()


_REFUSED_SAMPLES = (
    "127.0.0.1",
    "10.0.0.1",
    "169.254.169.254",
    "192.168.1.1",
    "::1",
    "fd00::1",
    "fe80::1",
    "100.100.100.200",
)


def try_guard(rng: random.Random) -> None:
    """No spelling of an address that is not public is let through, by an independent reading of it."""
    rest = rng.choice(("", ":80", ":443", ":0x50", "/v1", "?a=@b", "#@x"))
    url = f"{rng.choice(('http', 'https', 'HTTP'))}://{_spelled(rng)}{rest}"
    with contextlib.suppress(GatewayError):
        _, addresses = Guard(resolve=_numeric).admit(url, Stopwatch(Clocks(), lambda: 0.0, "x"))
        assert addresses
        for address in addresses:
            assert ipaddress.ip_address(address).is_global, (url, address)


def _spelled(rng: random.Random) -> str:
    number = int(ipaddress.IPv4Address(rng.choice(_REFUSED_SAMPLES[:4]))) if rng.random() < 0.7 else rng.getrandbits(32)
    parts = [number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255]
    forms: list[str] = [
        str(number), hex(number), oct(number).replace("o", ""), ".".join(map(str, parts)),
        ".".join(rng.choice((str, hex, lambda part: f"0{part:o}", lambda part: f"{part:03d}"))(part) for part in parts),
        f"{parts[0]}.{number & 0xFFFFFF}", f"{parts[0]}.{parts[1]}.{number & 0xFFFF}", f"[::ffff:{'.'.join(map(str, parts))}]",
        f"[64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}]", f"[2002:{number >> 16:x}:{number & 0xFFFF:x}::]",
        f"[{ipaddress.IPv6Address(rng.getrandbits(128))}]", f"[{rng.choice(_REFUSED_SAMPLES[4:7])}%25eth0]",
        "".join(chr(0xFF10 + int(digit)) if digit.isdigit() else digit for digit in ".".join(map(str, parts))),
        "".join(f"%{ord(letter):02x}" for letter in ".".join(map(str, parts))), f"user@{'.'.join(map(str, parts))}",
    ]  # fmt: skip
    host = rng.choice(forms)
    return rng.choice(
        (host, host, f"{host}.", host.upper(), f"{host}\\@example.com", f"example.com@{host}", host.replace(".", "。"))
    )


def _numeric(host: str, port: int, stopwatch: Stopwatch) -> Sequence[str]:
    """What the C library makes of a host that is a number; no name exists."""
    with contextlib.suppress(OSError):
        return [socket.inet_ntoa(socket.inet_aton(host))]
    with contextlib.suppress(OSError):
        return [socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, host))]
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


_JSON_PIECES = (
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"1", b"-", b"e9", b"\\ud83d", b"\\ude00", b"\\u0000", b"9" * 25, b" ",
    b"\n", b"null", b"true", b"\xc3\xa9", b"\xff", b'"model":"x"', b"[" * 120,
)  # fmt: skip


def try_json(rng: random.Random) -> None:
    """A text means what the standard library reads in it, before and after an edit of its members."""
    raw = mutate(rng, json.dumps(broken(rng, RICH_CHAT, 1)).encode(), _JSON_PIECES, 3)
    with contextlib.suppress(ValueError, NotAnObjectError):
        document = Document.parse(raw)
        expected = json.loads(raw)
        assert _same(dict(document.fields), expected), raw
        if document.repeated() is not None:
            return
        expected = dict(document.fields)
        names = [*document.fields]
        changes = {rng.choice([*names, "model", "new"]): rng.choice((1, "x", None, [1], {"a": 2**70}))}
        drop = [name for name in rng.sample(names, min(2, len(names))) if name not in changes]
        edited = document.edit(changes, drop)
        wanted = {name: value for name, value in {**expected, **changes}.items() if name not in drop}
        assert _same(json.loads(edited.to_bytes()), wanted), raw
        assert _same(json.loads(bytes(edited.to_content())), wanted), raw
        assert _same(loads(dumps(wanted)), wanted), raw


def _same(found: Any, expected: Any) -> bool:
    """Equal but for half surrogate pairs, which become U+FFFD."""
    return bool(found == expected) or _whole(found) == _whole(expected)


def _whole(value: Any) -> Any:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in text)


def try_quotes(rng: random.Random) -> None:
    """A message holds no long run of the request's content."""
    words = [
        rng.choice(("alpha", "Bravo", "Müller", "4711", "日本", "x", "delta-9")) + str(rng.randrange(99))
        for _ in range(30)
    ]
    prompt = " ".join(words)
    start = rng.randrange(len(prompt) // 2)
    quoted = prompt[start : start + rng.randint(30, 120)]
    spelled = rng.choice((quoted, repr(quoted), json.dumps(quoted), quoted.upper(), quoted.replace(" ", "\n")))
    shown = without_quotes(f"refused: {spelled} !", [[{"role": "user", "content": prompt}]])
    kept = (
        "".join(letter for letter in shown.lower() if letter.isalnum()).replace("content", "|").replace("refused", "|")
    )
    squeezed = "".join(letter for letter in prompt.lower() if letter.isalnum())
    assert not any(run in squeezed for run in kept.split("|") if len(run) >= 16), (prompt, spelled, shown)


def build_targets() -> Mapping[str, Try]:
    return {
        "parser": try_parser,
        "bodies": Bodies(),
        "answers": Answers(),
        "guard": try_guard,
        "json": try_json,
        "quotes": try_quotes,
    }


def run(attempt: Try, seed: int, count: int) -> None:
    """`count` inputs; an AssertionError names the seed of the one that failed."""
    for number in range(seed, seed + count):
        try:
            attempt(random.Random(number))
        except AssertionError as error:
            raise AssertionError(f"seed {number}: {error}") from error
        except Exception as error:
            raise AssertionError(f"seed {number}: {type(error).__name__}: {error}") from error
