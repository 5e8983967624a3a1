"""Callbacks that LiteLLM has and we don't are told, and don't keep the gateway from starting."""

from pathlib import Path

from proxy.settings.load import load

MODEL = "model_list: [{model_name: m, litellm_params: {model: mock/m}}]\n"


def write(tmp_path: Path, settings: str) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(f"{MODEL}litellm_settings: {settings}\n")
    return path


def test_unknown_callbacks_are_told_by_place_and_name_when_a_file_has_some(tmp_path: Path) -> None:
    settings = load(write(tmp_path, "{callbacks: [prometheus, datadog], success_callback: s3}"), {})
    told = [line for line in settings.warnings if "callback" in line]
    assert len(told) == 2
    assert "litellm_settings.callbacks[1]" in told[0] and "'datadog'" in told[0]
    assert "litellm_settings.success_callback[0]" in told[1] and "'s3'" in told[1]
    assert settings.litellm.callbacks == ("prometheus",)
    assert settings.litellm.success_callback == ()


def test_callback_with_settings_of_its_own_counts_as_its_name(tmp_path: Path) -> None:
    settings = load(write(tmp_path, "{callbacks: [{websearch: {a: 1}}]}"), {})
    assert any("'websearch'" in line for line in settings.warnings)


def test_setting_in_the_wrong_section_is_told_where_it_belongs(tmp_path: Path) -> None:
    settings = load(write(tmp_path, "{master_key: sk-x}"), {})
    assert settings.master_key is None
    assert any("general_settings" in line for line in settings.warnings if "master_key" in line)


def test_authorities_may_be_a_file(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    missing = load(write(tmp_path, f"{{ssl_verify: {bundle}}}"), {})
    assert missing.litellm.ssl_verify is True and "ssl_verify" in missing.warnings[0]
    bundle.write_text("")
    assert load(write(tmp_path, f"{{ssl_verify: {bundle}}}"), {}).litellm.ssl_verify == str(bundle)
    assert load(write(tmp_path, '{ssl_verify: "false"}'), {}).litellm.ssl_verify is False
