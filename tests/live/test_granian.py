"""The same application under granian: answers, figures of all workers together, and how it ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.host.processes import start_time
from tests.live.http import Stream, chat, request, wait_until
from tests.live.servers import ROOT, Server, clean_environment, gateway

pytest.importorskip("granian")
MESSAGES = [{"role": "user", "content": "one two three"}]


def ask(**mock: Any) -> dict[str, Any]:
    return {"model": "up", "messages": MESSAGES, "mock": mock}


@contextmanager
def serving(upstream: Server, directory: Path, workers: int = 1, graceful: int = 30) -> Iterator[Server]:
    params = {"model": "openai/up", "api_base": f"{upstream.url}/v1", "api_key": "sk-operator"}
    config = {
        "model_list": [{"model_name": "up", "litellm_params": params}],
        "litellm_settings": {"callbacks": ["prometheus"]},
    }
    environment = {"GRACEFUL_TIMEOUT": str(graceful)}
    arguments = ("--server", "granian")
    with gateway(config, directory, workers=workers, environment=environment, arguments=arguments) as server:
        yield server


def answered(server: Server) -> float:
    """Calls that all workers together have answered."""
    text = request(server, "GET", "/metrics").body.decode()
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    return sum(one.value for one in samples if one.name == "litellm_requests_metric_total")


def test_chats_streams_and_errors_are_as_ever_and_figures_are_of_all_workers(upstream: Server, tmp_path: Path) -> None:
    with serving(upstream, tmp_path, workers=2) as server:
        with ThreadPoolExecutor(8) as threads:
            statuses = [one.status for one in threads.map(lambda _: chat(server, ask()), range(60))]
        assert statuses == [200] * 60
        assert list(Stream(server, ask(chunks=3)))[-1] == "[DONE]"
        assert chat(server, {"model": "nope", "messages": MESSAGES}).json()["error"]["param"] == "model"
        assert wait_until(lambda: answered(server) == 61)
        assert {answered(server) for _ in range(8)} == {61}


def test_other_calls_are_answered_while_streams_run(upstream: Server, tmp_path: Path) -> None:
    with serving(upstream, tmp_path) as server:
        streams = [Stream(server, ask(chunks=40, chunk_delay=0.1)) for _ in range(10)]
        assert [next(iter(stream)) for stream in streams]
        assert chat(server, ask()).status == 200
        assert [stream.status for stream in streams] == [200] * 10


def test_stream_is_recorded_as_left_when_its_client_leaves(upstream: Server, tmp_path: Path) -> None:
    with serving(upstream, tmp_path) as server:
        stream = Stream(server, ask(chunks=400, chunk_delay=0.05))
        next(iter(stream))
        stream.close()
        assert wait_until(lambda: '"status":499' in server.output())


def test_running_stream_finishes_and_everything_is_written_when_the_server_stops(
    upstream: Server, tmp_path: Path
) -> None:
    with serving(upstream, tmp_path, workers=2) as server:
        shared = f"patchbay-{os.geteuid()}-{server.process.pid}-{start_time(server.process.pid)}"
        stream = Stream(server, ask(chunks=12, chunk_delay=0.1))
        events = iter(stream)
        next(events)
        os.kill(server.process.pid, signal.SIGTERM)
        assert list(events)[-1] == "[DONE]"
        assert server.process.wait(20) == 0
        assert '"status":200' in server.output()
        assert not list(Path("/dev/shm").glob(f"{shared}*"))


def test_stream_ends_with_an_error_when_its_time_is_over(upstream: Server, tmp_path: Path) -> None:
    with serving(upstream, tmp_path, graceful=2) as server:
        events = iter(Stream(server, ask(chunks=400, chunk_delay=0.1)))
        next(events)
        os.kill(server.process.pid, signal.SIGTERM)
        assert "stopped" in json.loads(list(events)[-1])["error"]["message"]
        assert server.process.wait(20) == 0


def test_another_worker_takes_over_when_one_is_killed(upstream: Server, tmp_path: Path) -> None:
    with serving(upstream, tmp_path) as server:
        (worker,) = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        os.kill(int(worker), signal.SIGKILL)
        assert wait_until(lambda: is_answering(server), 20)


def is_answering(server: Server) -> bool:
    try:
        return chat(server, ask()).status == 200
    except OSError:
        return False


def test_start_is_refused_when_other_machines_could_use_it_without_a_key() -> None:
    command = [sys.executable, "-m", "proxy", "serve", "--server", "granian", "--host", "0.0.0.0", "--port", "0"]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "there is no master key" in done.stderr
