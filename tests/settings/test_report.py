"""What `check` tells."""

from pathlib import Path

from proxy.settings.report import check_file
from tests.settings.fakes import PROVIDERS, entry, write


def test_every_key_is_told_when_a_file_and_its_includes_are_checked(tmp_path: Path) -> None:
    inner = write(tmp_path, "b.yaml", {"router_settings": {"routing_groups": []}})
    models = [entry("a", "openai/x", rpm=1), entry("b", "openai/y", rpm=2)]
    main = write(
        tmp_path, "a.yaml", {"include": ["b.yaml"], "model_list": models, "general_settings": {"master_key": "k"}}
    )
    report = check_file(main, {"OPENAI_API_KEY": "k"}, PROVIDERS)
    assert report.serves
    assert [line.split(": ")[0] for line in report.lines] == [
        f"{main}:",
        "different  general_settings.master_key",
        "supported  include",
        "supported  model_list[].litellm_params.model (x2)",
        "supported  model_list[].litellm_params.rpm (x2)",
        "supported  model_list[].model_name (x2)",
        f"{inner}:",
        "ignored    router_settings.routing_groups",
        f"ok         {main}",
    ]


def test_every_key_is_told_when_the_file_cannot_serve(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", {"model_list": [entry("a", "openai/x", rpm=-2)]})
    report = check_file(path, {"PATCHBAY_STRICT": "true"}, PROVIDERS)
    assert not report.serves
    assert any(line.startswith("supported  model_list[].litellm_params.rpm") for line in report.lines)
    assert report.lines[-1].startswith(f"error      {tmp_path}/a.yaml: model_list[0].litellm_params.rpm: must be")


def test_report_says_so_when_every_model_is_out_of_service(tmp_path: Path) -> None:
    document = {"model_list": [entry("a", "openai/x", api_key="os.environ/NONE")]}
    path = write(tmp_path, "a.yaml", document)
    report = check_file(path, {}, PROVIDERS)
    assert report.serves and report.lines[-1].startswith(f"warning    {path}: no model of model_list can be served")
    assert not check_file(path, {"PATCHBAY_STRICT": "true"}, PROVIDERS).serves
    assert any("the environment variable NONE is not set" in line for line in report.lines)


def test_line_is_told_when_the_file_is_no_yaml(tmp_path: Path) -> None:
    report = check_file(write(tmp_path, "a.yaml", "a: [\n"), {}, PROVIDERS)
    assert not report.serves
    assert "a.yaml, line 2" in report.lines[0]
