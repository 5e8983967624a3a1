"""A worker beyond its bound: refusals are quick, admitted calls keep their time, health answers, keys are served in turn."""

import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.live.http import Answer, Stream, request, wait_until
from tests.live.servers import WORKER_CLASSES, Server, free_port, gateway, running

SECONDS = 0.2
KEYS = ("sk-flood-1234567890abcdef", "sk-calm-1234567890abcdefg")


def config(running: int, waiting: int, **more: Any) -> dict[str, Any]:
    params = {"model": "mock/demo", "mock_response": "hello", "mock_delay": SECONDS}
    return {
        "model_list": [{"model_name": "m", "litellm_params": params}],
        "litellm_settings": {"callbacks": ["prometheus"]},
        "general_settings": {
            "max_in_flight_requests_per_worker": running,
            "max_queued_requests_per_worker": waiting,
            "admission_queue_timeout_seconds": 20,
            **more,
        },
    }


def call(server: Server, key: str | None = None) -> tuple[Answer, float]:
    began = time.monotonic()
    headers = {"authorization": f"Bearer {key}"} if key else None
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    return request(server, "POST", "/v1/chat/completions", body, headers, timeout=60), time.monotonic() - began


def in_threads(count: int, work: Any) -> list[threading.Thread]:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_refusals_are_quick_and_admitted_calls_keep_their_time_when_five_times_too_many_come(
    tmp_path: Path, worker_class: str
) -> None:
    with gateway(config(running=8, waiting=0), tmp_path, worker_class) as server:
        call(server)
        found: list[tuple[Answer, float]] = []
        end = time.monotonic() + 3

        def call_on() -> None:
            while time.monotonic() < end:
                found.append(call(server))
                if found[-1][0].status == 503:
                    time.sleep(0.05)

        threads = in_threads(40, call_on)
        time.sleep(1)
        assert request(server, "GET", "/health/readiness").status == 200
        metrics = request(server, "GET", "/metrics").body.decode()
        for thread in threads:
            thread.join()
        served = sorted(seconds for answer, seconds in found if answer.status == 200)
        refused = sorted(seconds for answer, seconds in found if answer.status == 503)
        assert {answer.status for answer, _ in found} == {200, 503}
        assert len(served) > 50 and served[int(len(served) * 0.9)] < 2 * SECONDS
        # No higher share: the client's own forty threads take their time from the same processors.
        assert refused[len(refused) // 2] < 0.02
        assert "patchbay_requests_running 8.0" in metrics
        assert 'patchbay_refused_requests_total{reason="overload"}' in metrics
        error = next(answer for answer, _ in found if answer.status == 503)
        assert error.json()["error"]["type"] == "overloaded" and int(error.headers["retry-after"]) >= 1


def test_a_call_is_refused_before_its_body_is_read(tmp_path: Path) -> None:
    with gateway(config(running=1, waiting=0), tmp_path) as server:
        thread = in_threads(1, lambda: call(server))[0]
        time.sleep(SECONDS / 3)
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
            head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            client.sendall(f"{head}Content-Length: 1000000\r\n\r\n".encode())
            assert b" 503 " in client.recv(1000).split(b"\r\n")[0]
        thread.join()


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_a_key_that_floods_does_not_delay_the_first_call_of_another(tmp_path: Path, worker_class: str) -> None:
    keys = [{"key": key} for key in KEYS]
    given = {**config(running=2, waiting=40, master_key="sk-a-long-master-key"), "keys": keys}
    with gateway(given, tmp_path, worker_class) as server:
        flood: list[tuple[Answer, float]] = []
        threads = in_threads(30, lambda: flood.append(call(server, KEYS[0])))
        time.sleep(0.6)
        answer, seconds = call(server, KEYS[1])
        assert answer.status == 200
        # Two calls at once are ahead, not the flood's twenty-five.
        assert seconds < 4 * SECONDS
        for thread in threads:
            thread.join()
        assert {answer.status for answer, _ in flood} == {200}
        assert max(seconds for _, seconds in flood) > 8 * SECONDS


def test_a_stream_keeps_its_place_until_it_ends(tmp_path: Path) -> None:
    port = free_port()
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    with running(["mock", "--port", str(port), "--chunk-delay", "0.05", "--chunks", "20"], port, tmp_path / "mock.log"):
        given = config(running=1, waiting=0)
        upstream = {"model": "openai/gpt-4o", "api_base": f"http://127.0.0.1:{port}/v1", "api_key": "sk-none"}
        given["model_list"] = [{"model_name": "m", "litellm_params": upstream}]
        with gateway(given, tmp_path) as server:
            stream = Stream(server, body)
            assert call(server)[0].status == 503
            assert list(stream)[-1] == "[DONE]"
            assert wait_until(lambda: call(server)[0].status == 200)
            left = Stream(server, body)
            left.close()
            assert wait_until(lambda: call(server)[0].status == 200)
