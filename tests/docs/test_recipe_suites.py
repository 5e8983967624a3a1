"""CONTRIBUTING's recipes leave the tests green that it names for them."""

from pathlib import Path

from tests.architecture.copied_tree import CopiedTree
from tests.architecture.recipes import HOUSE, RECIPES


def test_suites_pass_when_the_recipes_are_carried_out(tmp_path: Path) -> None:
    """In one copy, because most of the time goes into starting the tests."""
    tree = CopiedTree(tmp_path, with_tests=True)
    for recipe in RECIPES:
        tree.follow((*recipe.edits, *recipe.tests))
    tree.check((*HOUSE, *dict.fromkeys(suite for recipe in RECIPES for suite in recipe.suites)))
