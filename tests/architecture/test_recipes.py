"""CONTRIBUTING's recipes, followed to the letter in a copy of the source: they touch what they say, and it is enough."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.servers import ROOT, clean_environment

# file: (what is there, what stands behind it). A file that is not there is made.
ROW = {
    "proxy/providers/rows.py": (
        '    "abliteration":',
        '    "acme": Compatible("https://api.acme.example/v1", ("ACME_KEY",)),\n',
    ),
}
STRATEGY = {
    "proxy/routing/strategies.py": (
        "STRATEGIES: Mapping",
        "def first_listed(candidates: Sequence[Deployment], standings: Sequence[Standing], wish: Wish) -> int:\n"
        "    return 0\n\n\n",
    ),
    "proxy/routing/strategies.py#": (
        '    "simple-shuffle": S',
        '    "first-listed": Strategy(first_listed, blind=True),\n',
    ),
    "schemas/kinds.py": ('    "simple-shuffle",\n', '    "first-listed",\n'),
}
SINK = {
    "proxy/domain/callbacks.py": ('        "generic_api"', '        "shout": "shout",\n'),
    "proxy/sinks/shout.py": (
        "",
        "class Shout:\n    name = 'shout'\n    tries = 1\n    anonymous = False\n\n"
        "    def write(self, records):\n        print('SHOUTED', *(record.model_group for record in records), flush=True)\n\n"
        "    def close(self):\n        pass\n\n\n"
        "def build(context):\n    return Shout()\n",
    ),
}
SETTING = {
    "schemas/settings_table.py": (
        '    ("completion_model"',
        '    ("colour", "text", "blue", "supported", "of the door"),\n',
    ),
    "proxy/settings/values.py": ("    completion_model:", '    colour: str = "blue"\n'),
}
ENDPOINT = {
    "proxy/domain/operations.py": (
        "\nOPERATIONS =",
        '\nRERANK = Operation("rerank", "rerank", "arerank", results="results")\n',
    ),
    "schemas/rerank.py": (
        "",
        "from schemas.fields import Text\nfrom schemas.request import RequestSchema\n\n\n"
        "class RerankSchema(RequestSchema):\n    query = Text(required=True)\n",
    ),
    "proxy/endpoints/rerank.py": (
        "",
        "from flask import Blueprint\n\nfrom proxy.domain.operations import RERANK\n"
        "from proxy.endpoints.model_call import read, route, serve\nfrom schemas.rerank import RerankSchema\n\n"
        'blueprint = Blueprint("rerank", __name__)\n\n\n@route(blueprint, RERANK)\n'
        "def create_rerank(model=None):\n    return serve(read(RERANK, RerankSchema, model))\n",
    ),
    "proxy/endpoints/__init__.py": ("    chat.blueprint", "    rerank.blueprint,\n"),
    "proxy/endpoints/__init__.py#": ("\nBLUEPRINTS", "from proxy.endpoints import rerank\n"),
}

CHAT = "client.post('/chat/completions', json={'model': 'demo', 'messages': [{'role': 'user', 'content': 'hi'}]})"
# recipe: (edits, configuration beside the demo model, what must hold)
RECIPES = {
    "row": (
        ROW,
        "",
        "from proxy.providers.registry import find_provider\n"
        "assert find_provider('acme').base_url == 'https://api.acme.example/v1'",
    ),
    "strategy": (
        STRATEGY,
        "router_settings: {routing_strategy: first-listed}",
        f"assert {CHAT}.status_code == 200\n"
        "assert app.extensions['gateway'].settings.router.routing_strategy == 'first-listed'",
    ),
    "sink": (
        SINK,
        "litellm_settings: {callbacks: [shout]}",
        f"assert {CHAT}.status_code == 200\napp.extensions['gateway'].close()",
    ),
    "setting": (
        SETTING,
        "general_settings: {colour: red}",
        "assert app.extensions['gateway'].settings.general.colour == 'red'",
    ),
    "endpoint": (
        ENDPOINT,
        "",
        "answer = client.post('/v1/rerank', json={'model': 'demo'}).get_json()\n"
        "assert answer['error']['param'] == 'query', answer",
    ),
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_is_enough_when_it_is_followed(name: str, tmp_path: Path) -> None:
    edits, configuration, holds = RECIPES[name]
    for folder in ("proxy", "schemas"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", tmp_path)
    for file, (mark, text) in edits.items():
        insert(tmp_path / file.rstrip("#"), mark, text)
    model = "model_list: [{model_name: demo, litellm_params: {model: mock/demo}}]"
    (tmp_path / "config.yaml").write_text(f"{model}\n{configuration}\n")
    script = f"from app import create_app\napp = create_app()\nclient = app.test_client()\n{holds}\n"
    environment = {**clean_environment(), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "is ignored" not in done.stderr
    assert ("SHOUTED demo" in done.stdout) is (name == "sink")


@pytest.mark.parametrize(
    ("task", "edits"),
    [
        ("speaks OpenAI's format", ROW),
        ("a routing strategy", STRATEGY),
        ("a sink", SINK),
        ("a setting", SETTING),
        ("an endpoint", ENDPOINT),
    ],
)
def test_recipe_names_every_file_that_it_touches(task: str, edits: dict[str, tuple[str, str]]) -> None:
    lines = (ROOT / "CONTRIBUTING.md").read_text().splitlines()
    row = next(line for line in lines if line.startswith("|") and task in line.split("|")[1])
    for file in {name.rstrip("#") for name in edits}:
        folder = f"{Path(file).parent}/"
        assert f"`{file}`" in row or f"`{folder}`" in row, f"{file} is not in the recipe"


def insert(path: Path, mark: str, text: str) -> None:
    """Put `text` before the line that begins with `mark`; with no mark, make the file."""
    if not mark:
        path.write_text(text)
        return
    before, found, after = path.read_text().partition(mark)
    assert found, f"{path.name} has no {mark!r} any more"
    path.write_text(f"{before}{text}{found}{after}")
