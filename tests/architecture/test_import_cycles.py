"""No file of proxy/ imports itself through others: the graph is read from the sources, deferred imports included."""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Which modules each module imports when the program runs, by name."""
    return {name: set(imported(ast.parse(source), set(sources))) for name, source in sources.items()}


def imported(tree: ast.AST, known: set[str]) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import module` needs the module; `from module import name` the module that has the name.
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (target if target in known else node.module for target in targets)
        yield from imported(node, known)


def assert_acyclic(graph: Mapping[str, set[str]]) -> None:
    TopologicalSorter(graph).prepare()


def test_no_file_imports_itself_when_the_imports_of_others_are_followed() -> None:
    files = {module_name(path): path.read_text() for path in (ROOT / "proxy").rglob("*.py")}
    graph = import_graph(files)
    assert sum(map(len, graph.values())) > len(files)
    assert_acyclic(graph)


@pytest.mark.parametrize(
    "source",
    [
        "from a.two import NAME",
        "from a import two",
        "import a.two",
        "def later() -> None:\n    from a.two import NAME",
    ],
)
def test_cycle_is_found_when_a_module_is_imported_in_any_way(source: str) -> None:
    with pytest.raises(CycleError):
        assert_acyclic(import_graph({"a": "", "a.one": source, "a.two": "from a.one import NAME"}))


def test_import_is_no_cycle_when_only_types_need_it() -> None:
    source = "if TYPE_CHECKING:\n    from a.two import NAME"
    assert_acyclic(import_graph({"a": "", "a.one": source, "a.two": "from a.one import NAME"}))
