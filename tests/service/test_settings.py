"""Settings: defaults, environment, flags, and errors that name both."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.settings import BadSettings, Settings, read_settings, settings_table, unknown_variables


@pytest.fixture(autouse=True)
def _bare_environment(settings: Settings) -> None:
    """No FLUKEPRINT_ variable of the machine reaches a test."""


def test_the_environment_is_read_and_a_flag_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUKEPRINT_PORT", "9001")
    monkeypatch.setenv("FLUKEPRINT_CATALOGUE", "whales.db")
    assert read_settings().port == 9001
    assert read_settings({"port": 9002, "catalogue": None}).port == 9002
    assert read_settings({"catalogue": None}).catalogue == Path("whales.db")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"port": 70000}, r"--port \(or FLUKEPRINT_PORT\): .*65535"),
        ({"max_photos": 0}, r"--max-photos \(or FLUKEPRINT_MAX_PHOTOS\)"),
        ({"log_level": "loud"}, r"--log-level .*'debug'"),
        ({"max_photos": 65}, "max_photos is 65, more than max_waiting_photos, 64"),
        ({"prot": 1}, r"unknown settings \['prot'\]; known are .*'port'"),
    ],
)
def test_a_bad_setting_is_named_with_what_is_allowed(given: dict[str, object], says: str) -> None:
    with pytest.raises(BadSettings, match=says):
        read_settings(given)


def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUKEPRINT_MAX_WAIT_MS", "soon")
    with pytest.raises(BadSettings, match="FLUKEPRINT_MAX_WAIT_MS"):
        read_settings()


def test_misspelt_variables_are_found() -> None:
    environment = {"FLUKEPRINT_MAX_PHOTO": "3", "FLUKEPRINT_PORT": "1", "PATH": ""}
    assert unknown_variables(environment) == ("FLUKEPRINT_MAX_PHOTO",)


def test_the_table_has_every_setting_with_flag_variable_and_default() -> None:
    lines = settings_table().splitlines()
    for name, field in Settings.model_fields.items():
        (line,) = (line for line in lines if line.startswith(f"| `--{name.replace('_', '-')}` |"))
        assert f"`FLUKEPRINT_{name.upper()}`" in line
        assert field.description
        assert field.default is None or f"| `{field.default}` |" in line


def test_an_empty_variable_counts_as_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUKEPRINT_CHECKPOINT", "")
    monkeypatch.setenv("FLUKEPRINT_PORT", "")
    assert (read_settings().checkpoint, read_settings().port) == (None, 8000)
