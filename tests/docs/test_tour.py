"""docs/tour.md is true: its files, line counts and functions exist, and a real call enters the files in its order."""

import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest

from app import create_app
from proxy.settings import load

ROOT = Path(__file__).resolve().parents[2]
TOUR = (ROOT / "docs/tour.md").read_text()
README = (ROOT / "README.md").read_text()
# Rounded counts stay true until a file has changed by as much as a reader notices.
NEAR_LINES, NEAR_SHARE = 15, 0.15


class Step(NamedTuple):
    file: str
    lines: int | None
    names: tuple[str, ...]


def steps(text: str) -> list[Step]:
    """The rows of the tables in a part of the tour."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            lines = int(cells[1]) if cells[1].isdecimal() else None
            names = cells[2] if lines is not None else cells[1]
            found.append(Step(cells[0].strip("`"), lines, tuple(re.findall(r"`([\w.]+)`", names))))
    return found


def section(title: str) -> str:
    return TOUR.partition(f"## {title}\n")[2].partition("\n## ")[0]


CHAT, STREAM, TRIPS = steps(section("One chat")), steps(section("One stream")), steps(section("Three trips"))


def test_tour_is_short_enough_for_an_afternoon() -> None:
    assert 12 <= len(CHAT) <= 17 and len(STREAM) >= 3 and len(TRIPS) >= 15
    stated = sum(step.lines or 0 for step in CHAT)
    match = re.search(r"these (\d+) files in this order, about ([\d,]+) lines", TOUR)
    assert match is not None
    assert (int(match[1]), int(match[2].replace(",", ""))) == (len(CHAT), stated)
    assert stated <= 2600


@pytest.mark.parametrize("step", CHAT + STREAM, ids=lambda step: step.file)
def test_line_count_is_true(step: Step) -> None:
    assert step.lines is not None
    actual = len((ROOT / step.file).read_text().splitlines())
    assert abs(actual - step.lines) <= max(NEAR_LINES, NEAR_SHARE * step.lines), f"{step.file} has {actual} lines"


@pytest.mark.parametrize("step", CHAT + STREAM + TRIPS, ids=lambda step: f"{step.file}:{','.join(step.names)}")
def test_named_functions_are_in_the_file(step: Step) -> None:
    source = (ROOT / step.file).read_text()
    assert step.names
    for name in step.names:
        owner, _, member = name.rpartition(".")
        assert re.search(rf"^\s*(def|class) {member}\b|^{member}\b.* = ", source, re.MULTILINE), name
        assert not owner or re.search(rf"^class {owner}\b", source, re.MULTILINE), name


class Provider(BaseHTTPRequestHandler):
    """Answers in OpenAI's form, whole or streamed."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["content-length"]))
        stream = b'"stream":true' in asked.replace(b" ", b"")
        piece = '{"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}'
        whole = '{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}'
        body = (f"data: {piece}\n\ndata: [DONE]\n\n" if stream else whole).encode()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if stream else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.daemon_threads = True
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def entered(provider: str, path: Path, *, stream: bool) -> list[str]:
    """The project's files in the order in which a call enters them, from the start of the gateway on."""
    config = path / "config.yaml"
    config.write_text(
        f"model_list: [{{model_name: m, litellm_params: {{model: openai/m, api_key: k, api_base: '{provider}'}}}}]"
    )
    settings = load(config, {})
    order: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(f"{ROOT}/"):
            order.setdefault(file.removeprefix(f"{ROOT}/"))

    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    sys.setprofile(note)
    try:
        app = create_app(settings)
        # What building the gateway enters is not the path of a call.
        order = dict.fromkeys(["app.py"])
        response = app.test_client().post("/v1/chat/completions", json=body)
        text = response.get_data(as_text=True)
    finally:
        sys.setprofile(None)
    app.extensions["patchbay"].close()
    assert response.status_code == 200 and "hi" in text
    return list(order)


def test_a_chat_enters_the_files_in_the_order_of_the_tour(provider: str, tmp_path: Path) -> None:
    order = entered(provider, tmp_path, stream=False)
    told = [step.file for step in CHAT]
    assert [file for file in order if file in told] == told


def test_a_stream_enters_the_files_that_are_added_for_it(provider: str, tmp_path: Path) -> None:
    order = entered(provider, tmp_path, stream=True)
    assert not [step.file for step in CHAT + STREAM if step.file not in order]


def test_picture_of_the_readme_shows_every_folder() -> None:
    picture = README.partition("## How it is built")[2].split("```")[1]
    folders = {path.parent.name for path in (ROOT / "proxy").glob("*/__init__.py")}
    assert set(re.findall(r"\b(\w+)/", picture)) == folders
    assert len(picture.splitlines()) <= 24


def test_readme_repeats_the_tours_figures() -> None:
    stated = round(sum(step.lines or 0 for step in CHAT), -2)
    words = {14: "fourteen", 15: "fifteen", 16: "sixteen", 17: "seventeen"}
    assert f"is {words[len(CHAT)]} files, about {stated:,} lines" in README
