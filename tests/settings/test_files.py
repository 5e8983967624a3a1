"""Files: strict YAML and include."""

from pathlib import Path

import pytest

from proxy.settings.errors import ConfigError
from proxy.settings.files import parse_yaml, read_files
from tests.settings.fakes import entry, write


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml, line 3: 'a' is in this mapping twice"),
        ("model_list:\n- model_name: x\n  model_name: y\n", "f.yaml, line 3: 'model_name' is in this mapping twice"),
        ("a: [1\nb: 2", "f.yaml, line 2"),
        ("a:\tb: c: d", "f.yaml, line 1"),
        ("- a\n- b\n", "f.yaml: must be a mapping"),
        ("just text", "f.yaml: must be a mapping"),
        ("a: !!python/object/apply:os.getcwd []", "f.yaml, line 1"),
        ("a: *nowhere", "f.yaml, line 1"),
        ("\x00", "f.yaml"),
    ],
)
def test_file_and_line_are_named_when_yaml_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "f.yaml")
    assert message in str(caught.value)


def test_date_is_text_when_a_version_is_written_without_quotes() -> None:
    assert parse_yaml("api_version: 2024-02-01", "f") == {"api_version": "2024-02-01"}


def test_merge_key_is_no_repetition_when_an_entry_extends_another() -> None:
    assert parse_yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}", "f")["b"] == {"x": 3, "y": 2}


def test_document_is_empty_when_the_file_is() -> None:
    assert parse_yaml("# nothing\n", "f") == {}


def test_lists_are_appended_and_others_replaced_when_files_are_included(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write(
        tmp_path, "sub/deep.yaml", {"model_list": [entry("c", "openai/c")], "include": ["../main.yaml", "shared.yaml"]}
    )
    write(tmp_path, "sub/shared.yaml", {"general_settings": {"master_key": "near"}})
    write(tmp_path, "shared.yaml", {"general_settings": {"master_key": "far"}})
    write(tmp_path, "b.yaml", {"model_list": [entry("b", "openai/b")], "include": ["sub/deep.yaml"]})
    main = write(
        tmp_path,
        "main.yaml",
        {"model_list": [entry("a", "openai/a")], "include": ["b.yaml", "b.yaml"], "general_settings": {"x": 1}},
    )
    document = read_files(main).document
    assert [item["model_name"] for item in document["model_list"]] == ["a", "b", "c"]
    assert document["general_settings"] == {"master_key": "near"}


def test_root_folder_is_searched_when_a_file_is_not_beside_its_includer(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write(tmp_path, "sub/b.yaml", {"include": ["c.yaml"]})
    write(tmp_path, "c.yaml", {"litellm_settings": {"drop_params": True}})
    main = write(tmp_path, "main.yaml", {"include": ["sub/b.yaml"]})
    assert read_files(main).document == {"litellm_settings": {"drop_params": True}}


def test_file_of_origin_is_named_when_a_path_is_located(tmp_path: Path) -> None:
    inner = write(tmp_path, "b.yaml", {"model_list": [entry("b", "openai/b")], "router_settings": {"timeout": 1}})
    main = write(tmp_path, "main.yaml", {"model_list": [entry("a", "openai/a")], "include": ["b.yaml"]})
    source = read_files(main)
    assert source.locate("model_list[0].model_name") == f"{main}: model_list[0].model_name"
    assert source.locate("model_list[1].litellm_params.rpm") == f"{inner}: model_list[0].litellm_params.rpm"
    assert source.locate("router_settings.timeout") == f"{inner}: router_settings.timeout"
    assert source.locate("general_settings") == f"{main}: general_settings"


@pytest.mark.parametrize("include", ["b.yaml", [1], {"a": 1}])
def test_include_is_refused_when_it_is_no_list_of_names(tmp_path: Path, include: object) -> None:
    main = write(tmp_path, "main.yaml", {"include": include})
    with pytest.raises(ConfigError, match="include: must be a list of file names"):
        read_files(main)


def test_start_is_refused_when_an_included_file_is_missing(tmp_path: Path) -> None:
    main = write(tmp_path, "main.yaml", {"include": ["nowhere.yaml"]})
    with pytest.raises(ConfigError, match=r"main.yaml: include\[0\]: there is no file 'nowhere.yaml'"):
        read_files(main)


def test_start_is_refused_when_the_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff")
    for name, message in (("none.yaml", "can't be read"), (".", "can't be read"), ("latin.yaml", "not UTF-8")):
        with pytest.raises(ConfigError, match=message):
            read_files(tmp_path / name)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_a_line_is_named_when_a_file_is_nested_too_deep(opening: str, closing: str) -> None:
    assert parse_yaml(f"\na: {opening * 90}{closing * 90}", "config.yaml")
    for levels in (101, 2000):
        with pytest.raises(ConfigError, match=r"config\.yaml, line 2: nested deeper than 100 levels"):
            parse_yaml(f"\na: {opening * levels}{closing * levels}", "config.yaml")
