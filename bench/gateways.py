"""The gateways that are compared, each with its own configuration of the same thing, everything on."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from bench.process import SERVED_CORE, Missing, Program, free_port, require, running
from bench.upstream import Upstream

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".bench"
KEY = "sk-bench-12345678"
MODELS = ("small", "stream", "paced")
Starter = Callable[[Path, Upstream], contextlib.AbstractContextManager[Program]]


@dataclass(frozen=True)
class Gateway:
    """`headers(upstream port)` are what a client sends; `start` runs it on one core with one worker."""

    name: str
    start: Starter
    headers: Callable[[int], Mapping[str, str]]


def key_headers(_: int) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {KEY}"}


def portkey_headers(port: int) -> Mapping[str, str]:
    return {**key_headers(port), "x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{port}/v1"}


def write_config(
    folder: Path,
    upstream: Upstream,
    others: Sequence[Mapping[str, object]] = (),
    router: Mapping[str, object] | None = None,
    name: str = "config",
) -> Path:
    """A LiteLLM configuration (which is JSON, hence YAML too): the three models, `others` beside them, the router's
    settings. Gives the path of `name`.yaml.
    """
    ports = {"small": upstream.small, "stream": upstream.stream, "paced": upstream.paced}
    config = {
        "model_list": [*(deployment(model, ports[model]) for model in MODELS), *others],
        "general_settings": {"master_key": KEY},
        "litellm_settings": {"callbacks": ["prometheus"]},
        "router_settings": dict(router or {}),
    }
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(config))
    return path


def deployment(model_name: str, port: int, tags: Sequence[str] = (), path: str = "/v1") -> Mapping[str, object]:
    params = {
        "model": "openai/gpt-4o-mini",
        "api_base": f"http://127.0.0.1:{port}{path}",
        "api_key": "sk-up-1",
        "rpm": 10**8,
    }
    return {"model_name": model_name, "litellm_params": {**params, "tags": list(tags)} if tags else params}


@contextlib.contextmanager
def patchbay(
    folder: Path,
    upstream: Upstream,
    *,
    config: Path | None = None,
    options: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    core: str = SERVED_CORE,
    log: Path | None = None,
) -> Iterator[Program]:
    """`options` of `serve`; `config` is that of all gateways if nobody says another one; `log` a file of the folder."""
    port = free_port()
    command = [sys.executable, "-m", "proxy", "serve", "--config", str(config or write_config(folder, upstream))]
    command += ["--port", str(port), *options]
    given = {"PYTHONPATH": str(ROOT), **(env or {})}
    log = log or folder / f"patchbay-{port}.log"
    with running(command, port, core=core, ready="/health/liveliness", log=log, env=given) as program:
        yield program


@contextlib.contextmanager
def floor(folder: Path, upstream: Upstream, workers: int = 1, core: str = SERVED_CORE) -> Iterator[Program]:
    """No gateway: a Flask view under the same gunicorn settings that answers by itself."""
    port = free_port()
    options = {
        "--config": "/dev/null",
        "--worker-class": "gevent",
        "--workers": str(workers),
        "--keep-alive": "75",
        "--bind": f"127.0.0.1:{port}",
        "--pythonpath": str(ROOT),
    }
    command = [sys.executable, "-m", "gunicorn", *chain.from_iterable(options.items()), "bench.floor:app"]
    env = {"PYTHONPATH": str(ROOT)}
    with running(command, port, core=core, ready="/", log=folder / "floor.log", env=env) as program:
        yield program


@contextlib.contextmanager
def litellm(folder: Path, upstream: Upstream) -> Iterator[Program]:
    port, binary = free_port(), TOOLS / "litellm/bin/litellm"
    if not binary.exists():
        raise Missing("litellm is not installed: make .bench/litellm/.done")
    path = folder / "litellm.yaml"
    config = json.loads(write_config(folder, upstream).read_text())
    # Its prometheus callback is part of its enterprise edition.
    path.write_text(json.dumps({**config, "litellm_settings": {}}))
    command = [str(binary), "--config", str(path), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    env = {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with running(
        command, port, core=SERVED_CORE, ready="/health/liveliness", log=folder / "litellm.log", env=env
    ) as program:
        yield program


@contextlib.contextmanager
def portkey(folder: Path, upstream: Upstream) -> Iterator[Program]:
    port, script = free_port(), TOOLS / "portkey/node_modules/@portkey-ai/gateway/build/start-server.js"
    if not script.exists():
        raise Missing("Portkey's gateway is not installed: make .bench/portkey/.done")
    command = [require("node", "apt-get install nodejs npm"), str(script), "--headless", f"--port={port}"]
    env = {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost", "NODE_ENV": "production"}
    with running(command, port, core=SERVED_CORE, ready="/", log=folder / "portkey.log", env=env) as program:
        yield program


@contextlib.contextmanager
def nginx(folder: Path, upstream: Upstream) -> Iterator[Program]:
    """A plain reverse proxy: what passing bytes on costs at least. The model is chosen by a header."""
    port, config = free_port(), folder / "proxy.conf"
    config.write_text(
        _NGINX.format(folder=folder, port=port, small=upstream.small, stream=upstream.stream, paced=upstream.paced)
    )
    command = [require("nginx", "apt-get install nginx-light"), "-c", str(config)]
    with running(command, port, core=SERVED_CORE, ready="/", log=folder / "proxy.log") as program:
        yield program


_NGINX = """
worker_processes 1; daemon off; error_log stderr error; pid {folder}/proxy.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; client_max_body_size 64m; client_body_buffer_size 4m;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream small {{ server 127.0.0.1:{small}; keepalive 64; }}
  upstream stream {{ server 127.0.0.1:{stream}; keepalive 64; }}
  upstream paced {{ server 127.0.0.1:{paced}; }}
  map $http_x_model $model {{ {small} small; {stream} stream; {paced} paced; default small; }}
  server {{ listen 127.0.0.1:{port} backlog=2048;
    location / {{ proxy_pass http://$model; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }} }}
}}
"""

GATEWAYS = {
    one.name: one
    for one in (
        Gateway("Patchbay", patchbay, key_headers),
        Gateway("LiteLLM", litellm, key_headers),
        Gateway("Portkey", portkey, portkey_headers),
        Gateway("nginx", nginx, lambda port: {"X-Model": str(port)}),
    )
}
