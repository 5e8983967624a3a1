"""Images and sound by OpenAI's SDK against a live gateway, what its provider is asked, and uploads that are large or left."""

import http.client
import json
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from proxy.domain.sample_files import DOT, SILENCE
from tests.live.http import request, wait_until
from tests.live.raw_upstream import RawUpstream, Reply
from tests.live.servers import WORKER_CLASSES, Server, gateway

PICTURES = [("a.png", DOT.data, "image/png"), ("b.png", DOT.data, "image/png")]
SOUND = ("a.wav", SILENCE.data, "audio/wav")
MEGABYTE = 2**20


@pytest.fixture(scope="module")
def sink() -> Iterator[RawUpstream]:
    """A provider that takes anything and answers with a transcript."""
    with RawUpstream() as server:
        server.reply = Reply([b'{"text": "hi"}'])
        yield server


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def server(
    request: pytest.FixtureRequest, upstream: Server, sink: RawUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    places = {"model": f"{upstream.url}/v1", "large": f"{sink.url}/v1"}
    config = {
        "model_list": [
            {"model_name": name, "litellm_params": {"model": "openai/m-1", "api_key": "sk-operator", "api_base": base}}
            for name, base in places.items()
        ],
        "router_settings": {"num_retries": 0},
    }
    with gateway(config, tmp_path_factory.mktemp("operations"), worker_class=request.param) as running:
        yield running


@pytest.fixture
def client(server: Server) -> openai.OpenAI:
    return openai.OpenAI(api_key="anything", base_url=f"{server.url}/v1", max_retries=0, timeout=30)


def last(upstream: Server) -> dict[str, Any]:
    with urllib.request.urlopen(f"{upstream.url}/_requests", timeout=5) as response:
        found: dict[str, Any] = json.load(response)["requests"][-1]
    return found


def test_images_are_made_as_they_are_asked_for(client: openai.OpenAI, upstream: Server) -> None:
    answer = client.images.generate(model="model", prompt="a cat", n=2, size="1024x1024")
    assert answer.data is not None and len(answer.data) == 2
    assert answer.usage is not None and answer.usage.output_tokens == 50
    asked = last(upstream)
    assert (asked["path"], asked["headers"]["authorization"]) == ("/v1/images/generations", "Bearer sk-operator")
    assert json.loads(asked["body"]) == {"model": "m-1", "prompt": "a cat", "n": 2, "size": "1024x1024"}


def test_partial_images_pass_when_they_are_streamed(client: openai.OpenAI, upstream: Server) -> None:
    events = list(client.images.generate(model="model", prompt="a cat", stream=True, partial_images=2))
    kinds = ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert [event.type for event in events] == kinds
    assert "stream_options" not in last(upstream)["body"]


def test_images_and_mask_are_a_form_when_they_are_edited(client: openai.OpenAI, upstream: Server) -> None:
    answer = client.images.edit(model="model", prompt="a hat", image=PICTURES, mask=PICTURES[0], n=1)
    assert answer.data is not None and answer.data[0].b64_json
    body = last(upstream)["body"]
    assert body.count('name="image[]"; filename="a.png"') == 1 and body.count('name="image[]"; filename="b.png"') == 1
    assert 'name="mask"; filename="a.png"' in body
    assert 'name="model"\r\n\r\nm-1\r\n' in body and 'name="n"\r\n\r\n1\r\n' in body


def test_variation_is_a_form(client: openai.OpenAI, upstream: Server) -> None:
    assert client.images.create_variation(model="model", image=PICTURES[0]).data
    assert last(upstream)["path"] == "/v1/images/variations"


def test_speech_is_the_bytes_of_its_file(client: openai.OpenAI, upstream: Server) -> None:
    with client.audio.speech.with_streaming_response.create(model="model", input="hi", voice="alloy") as answer:
        assert b"".join(answer.iter_bytes()) == SILENCE.data
        assert answer.headers["content-type"] == "audio/wav"
    assert json.loads(last(upstream)["body"]) == {"input": "hi", "model": "m-1", "voice": "alloy"}


def test_speech_is_events_when_they_are_asked_for(server: Server) -> None:
    body = {"model": "model", "input": "hi", "voice": "alloy", "stream_format": "sse"}
    answer = request(server, "POST", "/v1/audio/speech", body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert b'"speech.audio.done"' in answer.body


@pytest.mark.parametrize("form", ["json", "text", "srt", "vtt", "verbose_json", "diarized_json"])
def test_recording_is_written_down_in_each_form(client: openai.OpenAI, upstream: Server, form: Any) -> None:
    answer: Any = client.audio.transcriptions.create(
        model="model", file=SOUND, response_format=form, timestamp_granularities=["word", "segment"], temperature=0.5
    )
    text = answer if isinstance(answer, str) else answer.text
    assert "A demo of silence." in text
    body = last(upstream)["body"]
    assert body.count('name="timestamp_granularities[]"') == 2
    assert 'name="temperature"\r\n\r\n0.5\r\n' in body
    assert 'name="file"; filename="a.wav"\r\ncontent-type: audio/wav' in body


def test_transcript_is_streamed(client: openai.OpenAI) -> None:
    events = list(client.audio.transcriptions.create(model="model", file=SOUND, stream=True))
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]


def test_recording_is_translated(client: openai.OpenAI, upstream: Server) -> None:
    assert client.audio.translations.create(model="model", file=SOUND).text == "A demo of silence."
    assert last(upstream)["path"] == "/v1/audio/translations"


def test_sdk_raises_its_own_class_when_the_file_is_missing(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(model="model", file=("a.wav", b"", "audio/wav"))
    assert caught.value.param == "file"


def workers(server: Server) -> list[int]:
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return [int(child) for child in children] or [server.process.pid]


def resident(pid: int) -> int:
    """Megabytes, at their peak."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def spooled(server: Server) -> list[str]:
    """The files of uploads that the workers hold open."""
    found = []
    for pid in workers(server):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(link.readlink())
            except OSError:
                continue
            found += [target] if "patchbay-upload" in target else []
    return found


def head(server: Server, size: int, boundary: str = "b") -> tuple[socket.socket, bytes, bytes]:
    """An open connection on which a form's head was sent; what comes before and behind the file."""
    begin = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\nlarge\r\n--{boundary}\r\n'
        f'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    ).encode()
    end = f"\r\n--{boundary}--\r\n".encode()
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    connection.sendall(
        b"POST /v1/audio/transcriptions HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n"
        + f"content-type: multipart/form-data; boundary={boundary}\r\n".encode()
        + f"content-length: {len(begin) + size + len(end)}\r\n\r\n".encode()
    )
    return connection, begin, end


def test_upload_of_100_megabytes_takes_no_memory(server: Server, sink: RawUpstream) -> None:
    request(server, "POST", "/v1/audio/transcriptions", {"model": "large"})
    before = max(resident(pid) for pid in workers(server))
    sink.bodies.clear()
    connection, begin, end = head(server, 100 * MEGABYTE)
    block = bytes(range(256)) * (MEGABYTE // 256)
    connection.sendall(begin)
    for _ in range(100):
        connection.sendall(block)
    connection.sendall(end)
    answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b'{"text": "hi"}' in answer, answer[:300]
    received = sink.bodies.pop()
    assert received.count(block) == 100
    assert max(resident(pid) for pid in workers(server)) - before <= 15
    assert wait_until(lambda: not spooled(server))


def test_nothing_is_left_when_a_client_leaves_in_the_middle(server: Server, sink: RawUpstream) -> None:
    sink.bodies.clear()
    connection, begin, _ = head(server, 50 * MEGABYTE)
    connection.sendall(begin + bytes(5 * MEGABYTE))
    assert wait_until(lambda: bool(spooled(server)))
    connection.close()
    assert wait_until(lambda: not spooled(server))
    assert sink.bodies == []
    assert request(server, "GET", "/livez").status == 200


def test_half_a_file_does_not_look_whole(server: Server, sink: RawUpstream) -> None:
    sink.pages["/v1/audio/speech"] = Reply([SILENCE.data], "audio/wav", headers=("content-length: 1000000",))
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        request(server, "POST", "/v1/audio/speech", {"model": "large", "input": "hi", "voice": "alloy"})
    assert request(server, "GET", "/livez").status == 200


def test_page_of_a_provider_is_no_page_of_the_gateway(server: Server, sink: RawUpstream) -> None:
    sink.pages["/v1/audio/speech"] = Reply([b"<script>alert(1)</script>"], "text/html")
    answer = request(server, "POST", "/v1/audio/speech", {"model": "large", "input": "hi", "voice": "alloy"})
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
