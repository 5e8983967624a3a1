"""The house rules that a program can check."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*(ROOT / "proxy").rglob("*.py"), *(ROOT / "schemas").rglob("*.py"), ROOT / "app.py"])


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            yield node


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_module_says_what_it_owns(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "a module's docstring says in a sentence what it owns"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_module_holds_one_idea(path: Path) -> None:
    assert not re.search(r"(^|_)(utils?|helpers?|common|manager|misc)(_|$)", path.stem)
    # The table of settings is data: a row for each name that LiteLLM knows.
    assert len(path.read_text().splitlines()) <= 420 or path.stem == "settings_table"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_functions_can_be_read_at_a_glance(path: Path) -> None:
    assert not [node.name for node in functions(path) if lines_of_code(node) > 55]


def lines_of_code(node: ast.FunctionDef) -> int:
    """Without the signature and the docstring."""
    statements = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
    return (node.end_lineno or 0) - statements[0].lineno + 1


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_environment_is_read_in_settings_only(path: Path) -> None:
    """Setting or removing a variable for other processes (`os.environ[name] = value`) is not reading."""
    if "settings" in path.parts:
        return
    tree = ast.parse(path.read_text())
    written = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del)
    }
    read = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"environ", "environb", "getenv", "getenvb"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
        and id(node) not in written
    ]
    assert not read


def test_contributing_names_files_that_exist() -> None:
    named = re.findall(
        r"`((?:proxy|schemas|tests|docs)/[\w/.]*\w(?:\.py|\.md)?)/?`", (ROOT / "CONTRIBUTING.md").read_text()
    )
    missing = [name for name in named if not (ROOT / name).exists()]
    assert named and not missing


def test_readme_explains_every_runtime_requirement() -> None:
    readme = (ROOT / "README.md").read_text()
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    required = [line.split("==")[0] for line in lines if line and not line.startswith("#")]
    table = re.findall(r"^\| ([\w, -]+) \|", readme, re.MULTILINE)
    explained = {name.strip() for row in table for name in row.split(",")}
    assert required and not [name for name in required if name not in explained]
    assert all("==" in line for line in lines if line and not line.startswith("#")), "requirements are pinned"


def test_nothing_is_created_at_import_that_lives() -> None:
    """Threads, sockets and sessions belong to an application, not to a module."""
    pattern = re.compile(r"^\w+(: [\w\[\], .|]+)? = (threading\.|socket\.|requests\.|Session\(|Lock\()", re.MULTILINE)
    assert not [name_of(path) for path in SOURCES if pattern.search(path.read_text())]


# Where an outside package may be imported: the folders below proxy/. What is not listed may not, new packages included.
MAY_IMPORT = {
    "flask": {"endpoints", "fastpath", "pages", "web"},
    "werkzeug": {"endpoints", "fastpath", "mock", "pages", "web"},
    "gunicorn": {"fastpath", "mock", "server", "web"},
    "gevent": {"fastpath", "server", "sinks", "storage", "transport"},
    "sqlalchemy": {"storage"},
    "alembic": {"storage"},
    "requests": {"transport"},
    "urllib3": {"transport"},
    "httptools": {"transport"},
}
PURE = ("providers", "dialects", "accounts", "domain/json_text", "domain/answer.py", "domain/usage.py", "errors.py")
IMPURE_MODULES = {"time", "datetime", "random", "os", "threading", "logging", "socket"}


def imported(path: Path) -> set[str]:
    """The top names of the modules that a file imports, wherever it does."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name != "app.py"], ids=name_of)
def test_outside_packages_are_imported_only_where_they_may(path: Path) -> None:
    room = path.relative_to(ROOT).parts[1]
    assert not [name for name, rooms in MAY_IMPORT.items() if name in imported(path) and room not in rooms]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_formats_and_prices_are_pure(path: Path) -> None:
    inside = str(path.relative_to(ROOT)).removeprefix("proxy/")
    if inside.startswith(PURE):
        assert not imported(path) & IMPURE_MODULES


# What a function of the path may be given; constructors, which run once, and exceptions are no part of it.
MOST_PARAMETERS = 6
PATH = ("dialects", "dispatch", "endpoints", "gateway", "providers", "routing", "web")


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_function_of_the_path_has_few_parameters(path: Path) -> None:
    if not {*path.relative_to(ROOT).parts[1:2]} & {*PATH}:
        return
    many = []
    for node in functions(path):
        names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        if node.name != "__init__" and len(set(names) - {"self", "cls"}) > MOST_PARAMETERS:
            many.append(node.name)
    assert not many
