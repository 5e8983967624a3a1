"""The pages that come from tables are those that the tables make."""

import runpy
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
GENERATOR: dict[str, Any] = runpy.run_path(str(DOCS / "generate.py"))


@pytest.mark.parametrize("name", GENERATOR["PAGES"])
def test_page_is_current_when_its_tables_have_changed(name: str) -> None:
    page = (DOCS / name).read_text(encoding="utf-8")
    assert page == GENERATOR["PAGES"][name](), f"docs/{name} is stale: run python docs/generate.py"
