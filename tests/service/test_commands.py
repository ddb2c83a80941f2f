"""`flukeprint serve`: its flags are the settings, and asking for help costs no torch."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from service import server
from service.commands import register, serve
from service.settings import Settings

app = typer.Typer()
register(app)


@app.callback()
def _group() -> None:
    """Typer leaves the name of a lone command out."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> list[Settings]:
    """What `serve` would have run with."""
    runs: list[Settings] = []
    monkeypatch.setattr(server, "run", runs.append)
    return runs


def test_every_setting_is_a_flag_with_its_variable() -> None:
    assert list(inspect.signature(serve).parameters) == list(Settings.model_fields)
    for name, parameter in inspect.signature(serve, eval_str=True).parameters.items():
        (option,) = parameter.annotation.__metadata__
        assert option.envvar == f"FLUKEPRINT_{name.upper()}"


def test_flags_reach_the_settings_and_the_rest_are_defaults(
    told: list[Settings], settings: Settings
) -> None:
    result = CliRunner().invoke(
        app, ["serve", "--port", "0", "--catalogue", "whales.db", "--max-wait-ms", "2.5"]
    )
    assert result.exit_code == 0, result.output
    changed = {"port": 0, "catalogue": "whales.db", "max_wait_ms": 2.5}
    assert told == [Settings(**{**settings.model_dump(), **changed})]


def test_variables_reach_the_settings_under_the_flags(
    told: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUKEPRINT_PORT", "9001")
    monkeypatch.setenv("FLUKEPRINT_HOST", "::1")
    assert CliRunner().invoke(app, ["serve", "--port", "9002"]).exit_code == 0
    assert (told[0].port, told[0].host) == (9002, "::1")


def test_help_loads_neither_the_service_nor_torch() -> None:
    script = (
        "import sys, typer; from service.commands import register; app = typer.Typer(); "
        "register(app)\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'fastapi', 'pydantic', 'numpy', 'sqlalchemy', 'faiss'} & "
        "set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert "--max-waiting-photos" in done.stdout
