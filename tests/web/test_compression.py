"""Large answers are compressed for clients that accept it; small ones and streams are not."""

import gzip

import pytest
import zstandard
from flask.testing import FlaskClient

from app import create_app
from proxy.providers.registry import PROVIDERS
from proxy.settings.files import Source
from proxy.settings.load import build_settings

TEXT = "a longer answer of many words " * 10_000


def client(**general: object) -> FlaskClient:
    params = {"model": "mock/demo", "mock_response": TEXT}
    entries = [
        {"model_name": "long", "litellm_params": params},
        {"model_name": "short", "litellm_params": {"model": "mock/demo"}},
    ]
    source = Source({"model_list": entries, "general_settings": general})
    return create_app(build_settings(source, {}, PROVIDERS, "test")).test_client()


def ask(
    accepted: str | None, model: str = "long", *, stream: bool = False, **general: object
) -> tuple[str | None, bytes]:
    headers = {} if accepted is None else {"accept-encoding": accepted}
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    answer = client(**general).post("/v1/chat/completions", json=body, headers=headers)
    assert answer.status_code == 200
    if answer.headers.get("Content-Encoding") is not None:
        assert answer.headers["Vary"] == "Accept-Encoding" and int(answer.headers["Content-Length"]) == len(answer.data)
        assert answer.headers["x-litellm-call-id"] and answer.headers["Content-Type"] == "application/json"
    return answer.headers.get("Content-Encoding"), answer.data


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1, zstd;q=0.5", "gzip"),
        ("zstd;q=0, gzip", "gzip"),
        ("*", "zstd"),
        ("br", None),
        ("identity", None),
        ("gzip;q=0", None),
        (None, None),
    ],
)
def test_the_client_chooses(accepted: str | None, coding: str | None) -> None:
    found, body = ask(accepted)
    assert found == coding
    plain = {"gzip": gzip.decompress, "zstd": zstandard.ZstdDecompressor().decompress, None: bytes}[coding](body)
    assert TEXT.encode() in plain
    assert coding is None or len(body) < len(plain) / 10


def test_small_answers_streams_and_a_gateway_that_does_not_want_it_stay_plain() -> None:
    assert ask("gzip", "short")[0] is None
    assert ask("gzip", stream=True)[0] is None
    assert ask("gzip", compress_answers=False)[0] is None
