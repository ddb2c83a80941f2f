"""Settings: defaults, environment, flags, and errors that name both."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedding.errors import FlukeprintError
from index.storage.address import PostgresAddress
from service.settings import (
    BadSettings,
    Settings,
    read_file,
    read_settings,
    settings_table,
    unknown_variables,
)


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
        assert name == "config" or f"| `{name}` |" in settings_table()
        (line,) = (line for line in lines if line.startswith(f"| `--{name.replace('_', '-')}` |"))
        assert f"`FLUKEPRINT_{name.upper()}`" in line
        assert field.description
        assert field.default is None or f"| `{field.default}` |" in line


def test_an_empty_variable_counts_as_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUKEPRINT_CHECKPOINT", "")
    monkeypatch.setenv("FLUKEPRINT_PORT", "")
    assert (read_settings().checkpoint, read_settings().port) == (None, 8000)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "service.toml"
    path.write_text('port = 9001\nhost = "::1"\nmax_wait_ms = 2.5\n', encoding="utf-8")
    return path


def test_a_file_is_read_under_the_environment_under_the_flags(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUKEPRINT_HOST", "127.0.0.2")
    read = read_settings({"config": config, "max_wait_ms": 3.5})
    assert (read.port, read.host, read.max_wait_ms) == (9001, "127.0.0.2", 3.5)
    monkeypatch.setenv("FLUKEPRINT_CONFIG", str(config))
    assert (read_settings().port, read_settings({"port": 1}).port) == (9001, 1)


def test_every_setting_can_be_in_the_file(tmp_path: Path) -> None:
    defaults = {name: value for name, value in Settings().model_dump().items() if value is not None}
    text = "".join(
        f"{name} = {str(value) if type(value) in (int, float) else repr(str(value))}\n"
        for name, value in defaults.items()
    )
    (tmp_path / "all.toml").write_text(text, encoding="utf-8")
    assert read_settings({"config": tmp_path / "all.toml"}) == Settings(
        config=tmp_path / "all.toml"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "max_photo = 3",
            "unknown setting `max_photo`; did you mean `max_photos` or `max_photo_pixels`",
        ),
        ("max-batch = 3", "unknown setting `max-batch`; did you mean `max_batch`"),
        ("zzz = 3", "unknown setting `zzz`; known are animal_threshold, catalogue, "),
        ("config = 'other.toml'", "`config` can't name another file"),
        ("port =", "is not TOML: "),
    ],
)
def test_a_bad_file_is_named_with_what_is_meant(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "service.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadSettings, match=says) as told:
        read_file(path)
    assert str(path) in str(told.value)


def test_a_value_out_of_range_in_the_file_is_named_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "service.toml").write_text("port = 70000", encoding="utf-8")
    with pytest.raises(BadSettings, match=r"--port .*65535.*service\.toml"):
        read_settings({"config": tmp_path / "service.toml"})


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"none\.toml can't be read: No such file"):
        read_settings({"config": tmp_path / "none.toml"})


def test_a_url_comes_from_anywhere_and_its_password_is_told_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://ana:hush@db.lab/whales?schema=north"
    (tmp_path / "service.toml").write_text(
        f'catalogue = "{url}"\nfiles = "{tmp_path}"', encoding="utf-8"
    )
    given = [
        read_settings({"catalogue": url, "files": tmp_path}),
        read_settings({"config": tmp_path / "service.toml"}),
    ]
    monkeypatch.setenv("FLUKEPRINT_CATALOGUE", url)
    monkeypatch.setenv("FLUKEPRINT_FILES", str(tmp_path))
    given.append(read_settings())
    for settings in (*given, Settings(**given[0].model_dump())):
        assert settings.address == PostgresAddress(
            "db.lab", None, "whales", "ana", "hush", schema="north", files=tmp_path
        )
        assert "hush" not in f"{settings!r} {settings} {settings.address}"
    with pytest.raises(FlukeprintError, match="% codes") as told:
        read_settings({"catalogue": "postgresql://ana:hu/sh@db/whales"})
    assert "sh@" not in str(told.value)
