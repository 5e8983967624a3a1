"""CONTRIBUTING's recipes, each carried out in a copy of the source: what it names is enough for an answer."""

from pathlib import Path

import pytest

from tests.architecture.copied_tree import CopiedTree
from tests.architecture.recipes import RECIPES, Recipe
from tests.live.servers import ROOT, free_port

# Rooms that are extended by a file: where one exists, CONTRIBUTING has its recipe.
ROOMS = ("proxy/guardrails/", "proxy/cache/", "proxy/dialects/")
by_task = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.task.replace(" ", "-"))


@by_task
def test_gateway_answers_when_a_recipe_is_carried_out(recipe: Recipe, tmp_path: Path) -> None:
    tree = CopiedTree(tmp_path)
    tree.follow(recipe.edits)
    port = str(free_port())
    provider = {"ZENITH_PORT": port, "ZENITH_BASE": f"http://127.0.0.1:{port}"}
    assert tree.ask(recipe.config, recipe.script, provider) == recipe.expected


@by_task
def test_recipe_names_every_file_that_it_touches(recipe: Recipe) -> None:
    row = next(line for line in table() if recipe.task in line.split("|")[1])
    for file in {edit.file for edit in (*recipe.edits, *recipe.tests)}:
        folder = f"{Path(file).parent}/"
        assert f"`{file}`" in row or f"`{folder}`" in row, f"{file} is not in the recipe"


def test_every_recipe_of_the_table_is_carried_out() -> None:
    tasks = [line.split("|")[1].strip() for line in table()[2:]]
    assert tasks and not [task for task in tasks if not any(recipe.task in task for recipe in RECIPES)]


@pytest.mark.parametrize("room", ROOMS)
def test_room_has_a_recipe_when_it_exists(room: str) -> None:
    if (ROOT / room).is_dir():
        assert any(room in line for line in table()), f"CONTRIBUTING has no recipe for {room}"


def table() -> list[str]:
    """The lines of the recipes' table."""
    recipes = (ROOT / "CONTRIBUTING.md").read_text().partition("## Recipes")[2].partition("\n## ")[0]
    return [line for line in recipes.splitlines() if line.startswith("|")]
