"""What the servers check before they accept a request, and the files that they make for their workers."""

from pathlib import Path

import pytest

from proxy.fastpath import versions
from proxy.server.metrics_directory import VARIABLE
from proxy.server.shared_files import SharedFiles
from proxy.server.start_check import StartError, check_start

HERE = ("127.0.0.1", 4000)
EVERYWHERE = ("0.0.0.0", 4000)


def test_summary_names_models_source_and_address_when_all_is_well() -> None:
    start = check_start({"PATCHBAY_MODEL": "mock/demo"}, [HERE])
    assert start.summary.startswith("Patchbay serves ")
    assert "http://127.0.0.1:4000 (no key needed from this machine)" in start.summary


def test_start_is_refused_when_other_machines_could_use_it_without_a_key() -> None:
    with pytest.raises(StartError, match=r"0\.0\.0\.0:4000.*no master key"):
        check_start({"PATCHBAY_MODEL": "mock/demo"}, [EVERYWHERE])


def test_start_is_refused_when_the_configuration_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="Patchbay can't start"):
        check_start({"CONFIG_FILE_PATH": str(tmp_path / "none.yaml")}, [HERE])


@pytest.mark.parametrize(("mode", "warnings"), [("on", ["flask 4.0 is unknown"]), ("off", [])])
def test_an_unknown_version_is_one_warning_when_the_fast_path_is_on(
    mode: str, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "warning", lambda: "flask 4.0 is unknown")
    start = check_start({"PATCHBAY_MODEL": "mock/demo", "PATCHBAY_FAST_PATH": mode}, [HERE])
    assert [warning for warning in start.warnings if "flask" in warning] == warnings


def test_shared_files_are_removed_when_their_parent_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")
    files = SharedFiles(tmp_path / "state", tmp_path / "state.metrics")
    files.prepare()
    board = tmp_path / "state.board"
    board.mkdir()
    files.state.touch()
    assert files.metrics.is_dir()

    files.remove()

    assert list(tmp_path.iterdir()) == []
