"""References to secrets: what they become, and that a broken one costs only the deployments that need it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.errors import BadRequestError
from proxy.providers.registry import PROVIDERS
from proxy.settings import Settings
from proxy.settings.client import load_client_config
from proxy.settings.errors import ConfigError
from proxy.settings.files import Source
from proxy.settings.load import build_settings
from tests.settings.vault import TOKEN, Vault, running_vault

KEY = "sk-a-key-of-the-provider"


@pytest.fixture(scope="module")
def vault() -> Iterator[Vault]:
    secrets = {
        "secret/openai": {"key": KEY, "other": "x" * 12},
        "secret/one": {"anything": KEY},
        "secret/several": {"a": "1", "b": "2"},
        "secret/empty": {"key": ""},
        "secret/list": {"key": [1]},
        "secret/none": {"key": None},
        "secret/flag": {"key": True},
        "secret/large": {"key": "x" * 100_000},
        "kv/team/deep": {"key": KEY},
        "secret/litellm/OPENAI_API_KEY": {"key": KEY},
        "secret/all": {"OPENAI_API_KEY": KEY},
    }
    with running_vault(secrets) as running:
        running.raw = {
            "/v1/secret/data/html": (200, b"<html>"),
            "/v1/secret/data/array": (200, b"[]"),
            "/v1/secret/data/null": (200, b'{"data": null}'),
            "/v1/secret/data/deleted": (404, b'{"data": {"data": null, "metadata": {}}}'),
            "/v1/secret/data/sealed": (503, b'{"errors": ["Vault is sealed"]}'),
            "/v1/secret/data/moved": (302, b"{}"),
            "/v1/secret/data/huge": (200, b'{"data": {"data": {"key": "' + b"x" * 2_000_000 + b'"}}}'),
            "/v1/secret/data/deep": (200, b'{"data":' * 100_000),
        }
        yield running


def load(reference: str, environ: dict[str, str], **general: object) -> Settings:
    entries = [
        {"model_name": "kept", "litellm_params": {"model": "openai/gpt-4o", "api_key": "sk-plain-key-123"}},
        {"model_name": "secret", "litellm_params": {"model": "openai/gpt-4o", "api_key": reference}},
    ]
    return build_settings(Source({"model_list": entries, "general_settings": general}), environ, PROVIDERS, "test")


def key_of(settings: Settings) -> object:
    return next(item.connection["api_key"] for item in settings.deployments if item.group == "secret")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "good").write_text(KEY + "\n")
    (tmp_path / "dos").write_bytes(KEY.encode() + b"\r\n")
    (tmp_path / "json").write_text(KEY)
    (tmp_path / "empty").write_text("")
    (tmp_path / "blank").write_text(" \n\t\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xfd")
    (tmp_path / "nul").write_bytes(b"abc\0def")
    (tmp_path / "large").write_text("x" * 70_000)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("good")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


@pytest.mark.parametrize("name", ["good", "dos", "json", "link"])
def test_a_file_is_read_without_its_last_newline(files: Path, name: str) -> None:
    settings = load(f"file/{files}/{name}", {})
    assert key_of(settings) == KEY and settings.secret_sources.files == (f"{files}/{name}",)
    assert KEY not in settings.secrets.mask(f"the key is {KEY}")
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    "reference",
    ["vault/secret/openai", "vault/secret/openai#key", "vault/secret/one", "vault/kv/team/deep#key"],
)
def test_a_secret_of_vault_is_read(vault: Vault, reference: str) -> None:
    assert key_of(load(reference, vault.environ())) == KEY


def test_vault_is_asked_once_for_what_is_written_twice(vault: Vault) -> None:
    vault.requests.clear()
    params = {"model": "openai/gpt-4o", "api_key": "vault/secret/openai"}
    entries = [{"model_name": f"m{number}", "litellm_params": params} for number in range(20)]
    build_settings(Source({"model_list": entries}), vault.environ(), PROVIDERS, "test")
    assert vault.requests == ["GET /v1/secret/data/openai"]


def test_a_role_gets_its_token(vault: Vault) -> None:
    environ = vault.environ(HCP_VAULT_APPROLE_ROLE_ID="role", HCP_VAULT_APPROLE_SECRET_ID="secret")
    del environ["HCP_VAULT_TOKEN"]
    assert key_of(load("vault/secret/openai", environ)) == KEY


# By name: the reference, what the warning names, and changes of the environment.
BROKEN_FILES = {
    "a missing file": ("file/{files}/missing", "No such file"),
    "a missing folder": ("file/{files}/none/key", "No such file"),
    "a folder": ("file/{files}/folder", "directory"),
    "a pipe": ("file/{files}/fifo", "not a file"),
    "a device": ("file//dev/zero", "not a file"),
    "an empty file": ("file/{files}/empty", "empty"),
    "a blank file": ("file/{files}/blank", "empty"),
    "no text": ("file/{files}/binary", "UTF-8"),
    "a NUL": ("file/{files}/nul", "NUL"),
    "a large file": ("file/{files}/large", "64 KB"),
    "a link to nothing": ("file/{files}/dangling", "No such file"),
    "a link to itself": ("file/{files}/loop", "symbolic links"),
    "a long name": ("file/{files}/" + "x" * 5000, "too long"),
    "a path with a NUL": ("file//tmp/\0", "character"),
}
BROKEN_VAULT: dict[str, tuple[str, str, dict[str, str]]] = {
    "no such secret": ("vault/secret/missing", "no such secret", {}),
    "no such field": ("vault/secret/openai#nothing", "no field", {}),
    "several fields": ("vault/secret/several", "several fields", {}),
    "an empty value": ("vault/secret/empty#key", "empty", {}),
    "a list": ("vault/secret/list#key", "no text", {}),
    "nothing": ("vault/secret/none#key", "no text", {}),
    "a flag": ("vault/secret/flag#key", "no text", {}),
    "a large value": ("vault/secret/large#key", "64 KB", {}),
    "no path": ("vault/secret", "mount/path", {}),
    "nothing at all": ("vault/", "characters", {}),
    "a path that climbs": ("vault/secret/../sys/seal", "characters", {}),
    "a query": ("vault/secret/a?list=true", "characters", {}),
    "a line break": ("vault/secret/a\r\nX-Evil: 1", "characters", {}),
    "HTML": ("vault/secret/html", "can't be reached", {}),
    "an array": ("vault/secret/array", "no data", {}),
    "no data": ("vault/secret/null", "no data", {}),
    "a deleted version": ("vault/secret/deleted", "no such secret", {}),
    "a sealed Vault": ("vault/secret/sealed", "503", {}),
    "a redirect": ("vault/secret/moved", "302", {}),
    "a huge answer": ("vault/secret/huge", "no data", {}),
    "a deep answer": ("vault/secret/deep", "can't be reached", {}),
    "a wrong token": ("vault/secret/openai", "403", {"HCP_VAULT_TOKEN": "wrong"}),
    "no token": ("vault/secret/openai", "HCP_VAULT_TOKEN", {"HCP_VAULT_TOKEN": ""}),
    "no address": ("vault/secret/openai", "HCP_VAULT_ADDR", {"HCP_VAULT_ADDR": ""}),
    "a dead address": ("vault/secret/openai", "can't be reached", {"HCP_VAULT_ADDR": "http://127.0.0.1:9"}),
    "no URL": ("vault/secret/openai", "can't be reached", {"HCP_VAULT_ADDR": "not a url"}),
    "no project of Google": ("gcp-secret/a", "GOOGLE_SECRET_MANAGER_PROJECT_ID", {}),
    "no vault of Azure": ("azure-secret/a", "A", {}),
    "no region of AWS": ("aws-secret/a", "AWS_REGION", {}),
}


def check_broken(settings: Settings, named: str) -> None:
    assert [item.group for item in settings.deployments] == ["kept"]
    warning = next(text for text in settings.warnings if "api_key" in text)
    assert named in warning and "model_list[1].litellm_params.api_key" in warning
    assert TOKEN not in warning and KEY not in warning and len(warning) < 500
    assert "secret" in settings.out_of_service


@pytest.mark.parametrize(("reference", "named"), BROKEN_FILES.values(), ids=BROKEN_FILES.keys())
def test_a_broken_file_costs_only_its_deployment(files: Path, reference: str, named: str) -> None:
    check_broken(load(reference.replace("{files}", str(files)), {}), named)


@pytest.mark.parametrize(("reference", "named", "change"), BROKEN_VAULT.values(), ids=BROKEN_VAULT.keys())
def test_a_broken_secret_costs_only_its_deployment(
    vault: Vault, reference: str, named: str, change: dict[str, str]
) -> None:
    environ = {name: value for name, value in {**vault.environ(), **change}.items() if value}
    check_broken(load(reference, environ), named)


def test_a_manager_that_is_down_is_called_once() -> None:
    with running_vault() as vault:
        vault.raw = {f"/v1/secret/data/s{number}": (500, b"{}") for number in range(30)}
        params = [{"model": "openai/gpt-4o", "api_key": f"vault/secret/s{number}"} for number in range(30)]
        entries = [{"model_name": "m", "litellm_params": each} for each in params]
        settings = build_settings(Source({"model_list": entries}), vault.environ(), PROVIDERS, "test")
        assert not settings.deployments and len(vault.requests) == 1


@pytest.mark.parametrize("reference", ["file//etc/hostname", "vault/secret/openai", "aws-secret/a", "gcp-secret/a#b"])
def test_a_client_reads_no_secret_of_the_gateway(reference: str) -> None:
    params = {"model": "openai/gpt-4o", "api_key": reference}
    with pytest.raises(BadRequestError, match=r"api_key"):
        load_client_config({"model_list": [{"model_name": "m", "litellm_params": params}]})


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        ({}, {"HCP_VAULT_PATH_PREFIX": "litellm"}),
        ({"hosted_keys": ["OPENAI_API_KEY"]}, {"HCP_VAULT_PATH_PREFIX": "litellm"}),
        ({"primary_secret_name": "all"}, {}),
    ],
)
def test_variables_are_read_in_the_manager_first(vault: Vault, settings: dict[str, Any], more: dict[str, str]) -> None:
    environ = vault.environ(OPENAI_API_KEY="sk-of-the-environment", **more)
    general = {"key_management_system": "hashicorp_vault", "key_management_settings": settings}
    assert key_of(load("os.environ/OPENAI_API_KEY", environ, **general)) == KEY


@pytest.mark.parametrize("settings", [{"hosted_keys": ["ANOTHER"]}, {"primary_secret_name": "missing"}, {}])
def test_the_environment_counts_when_the_manager_has_no_such_variable(vault: Vault, settings: dict[str, Any]) -> None:
    general = {"key_management_system": "hashicorp_vault", "key_management_settings": settings}
    environ = vault.environ(OPENAI_API_KEY="sk-of-the-environment")
    assert key_of(load("os.environ/OPENAI_API_KEY", environ, **general)) == "sk-of-the-environment"


def test_a_master_key_that_is_not_there_stops_the_start(files: Path) -> None:
    with pytest.raises(ConfigError, match="master_key"):
        load("sk-any-key-12345", {}, master_key=f"file/{files}/missing")


def test_a_rotated_secret_changes_the_digest_and_no_id(files: Path) -> None:
    before = load(f"file/{files}/good", {})
    (files / "good").write_text("sk-another-key-of-it")
    after = load(f"file/{files}/good", {})
    assert before.secret_sources.digest != after.secret_sources.digest
    assert [item.id for item in before.deployments] == [item.id for item in after.deployments]
