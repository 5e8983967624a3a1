"""CONTRIBUTING's recipes, followed to the letter in a copy of the source: they touch what they say, and it is enough."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.servers import ROOT, clean_environment

# file: (what is there, what stands behind it). A file that is not there is made.
ROW = {
    "proxy/providers/compatible/rows.py": (
        '    "abliteration":',
        '    "acme": Compatible("https://api.acme.example/v1", ("ACME_KEY",)),\n',
    ),
}
STRATEGY = {
    "proxy/routing/strategies.py": (
        "STRATEGIES: Mapping",
        "def first_listed(candidates: Sequence[Deployment], states: Sequence[DeploymentState], inputs: SelectionInput) -> int:\n"
        "    return 0\n\n\n",
    ),
    "proxy/routing/strategies.py#": (
        '    "simple-shuffle": S',
        '    "first-listed": Strategy(first_listed, needs_state=False),\n',
    ),
}
SINK = {
    "proxy/domain/sink_names.py": ('        "generic_api"', '        "shout": "shout",\n'),
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
        "\n# In the order in which",
        '\nRERANK = Operation("rerank", "arerank", RerankSchema, ("rerank",), results="results")\n',
    ),
    "proxy/domain/operations.py#": ("from schemas.request", "from schemas.rerank import RerankSchema\n"),
    "schemas/rerank.py": (
        "",
        "from schemas.fields import Text\nfrom schemas.request import RequestSchema\n\n\n"
        "class RerankSchema(RequestSchema):\n    query = Text(required=True)\n",
    ),
    "proxy/endpoints/rerank.py": (
        "",
        "from flask import Blueprint\n\nfrom proxy.domain.operations import RERANK\n"
        "from proxy.endpoints.operation import route, serve\n\n"
        'blueprint = Blueprint("rerank", __name__)\n\n\n@route(blueprint, RERANK)\n'
        "def create_rerank(model=None):\n    return serve(RERANK, model)\n",
    ),
    "proxy/endpoints/__init__.py": ("    chat.blueprint", "    rerank.blueprint,\n"),
    "proxy/endpoints/__init__.py#": ("\nBLUEPRINTS", "from proxy.endpoints import rerank\n"),
}

CONFIG = """
model_list: [{model_name: demo, litellm_params: {model: mock/demo}}]
router_settings: {routing_strategy: first-listed}
litellm_settings: {callbacks: [shout]}
general_settings: {colour: red}
"""
# Each value is what must hold of a recipe.
SCRIPT = """
import json
from app import create_app
from proxy.providers.registry import find_provider

app = create_app()
client, gateway = app.test_client(), app.extensions["patchbay"]
chat = client.post("/chat/completions", json={"model": "demo", "messages": [{"role": "user", "content": "hi"}]})
gateway.close()
print(json.dumps({
    "status": chat.status_code,
    "row": find_provider("acme").base_url,
    "strategy": gateway.settings.router.routing_strategy,
    "setting": gateway.settings.general.colour,
    "endpoint": client.post("/v1/rerank", json={"model": "demo"}).get_json()["error"]["param"],
    "warnings": gateway.settings.warnings,
}))
"""
HOLDS = {
    "status": 200,
    "row": "https://api.acme.example/v1",
    "strategy": "first-listed",
    "setting": "red",
    "endpoint": "query",
    "warnings": [],
}


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a gateway prints in whose source all recipes were followed."""
    folder = tmp_path_factory.mktemp("recipes")
    for name in ("proxy", "schemas"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", folder)
    for edits in (ROW, STRATEGY, SINK, SETTING, ENDPOINT):
        for file, (mark, text) in edits.items():
            insert(folder / file.rstrip("#"), mark, text)
    (folder / "config.yaml").write_text(CONFIG)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=folder,
        env={**clean_environment(), "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("recipe", HOLDS)
def test_recipe_is_enough_when_it_is_followed(followed: str, recipe: str) -> None:
    assert json.loads(followed.splitlines()[-1])[recipe] == HOLDS[recipe]


def test_sink_hears_of_a_call_when_its_recipe_is_followed(followed: str) -> None:
    assert "SHOUTED demo" in followed


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
