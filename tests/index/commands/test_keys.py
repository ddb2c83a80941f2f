"""`flukeprint keys`: made with a secret on stdout, listed without it, revoked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from index.access.keys import BadKey, Keys
from index.catalogue.catalogue import Catalogue
from index.commands.keys import register

app = typer.Typer()
register(app)


@app.callback()
def _group() -> None:
    """Typer leaves the name of a lone group out."""


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    Catalogue.open(tmp_path / "catalogue.db", create=True).close()
    return tmp_path / "catalogue.db"


def run(catalogue: Path, *words: str) -> tuple[str, str]:
    result = CliRunner().invoke(
        app, ["keys", *words, "--catalogue", str(catalogue)], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def test_the_secret_alone_is_on_stdout(catalogue: Path) -> None:
    out, said = run(catalogue, "create", "--name", "Ana", "--role", "curate")
    with Catalogue.open(catalogue) as opened:
        found = Keys(opened.engine).find(out.strip())
    assert found is not None
    assert (found.name, found.role) == ("Ana", "curate")
    assert f"Key {found.id} for Ana (curate)" in said
    assert out.strip() not in said


def test_the_list_has_no_secret_and_says_what_is_revoked(catalogue: Path) -> None:
    made = json.loads(run(catalogue, "create", "--name", "Ana", "--role", "read", "--json")[0])
    run(catalogue, "create", "--name", "Ben", "--role", "admin")
    assert run(catalogue, "revoke", "Ana") == (f"key {made['id']} of Ana is revoked\n", "")
    listed = json.loads(run(catalogue, "list", "--json")[0])
    assert [(key["name"], key["revoked_at"] is not None) for key in listed] == [
        ("Ana", True),
        ("Ben", False),
    ]
    table = run(catalogue, "list")[0]
    assert "Ben" in table
    assert made["secret"].split("_", 2)[2] not in table + json.dumps(listed)


def test_the_last_revoked_key_is_said_to_lock(catalogue: Path) -> None:
    run(catalogue, "create", "--name", "Ana", "--role", "read")
    assert "answers nobody until `flukeprint keys create`" in run(catalogue, "revoke", "Ana")[1]


def test_no_keys_is_said_with_the_command_that_makes_one(catalogue: Path) -> None:
    assert "has no keys; make one with `flukeprint keys create" in run(catalogue, "list")[1]


def test_a_bad_role_is_an_error_of_the_users(catalogue: Path) -> None:
    with pytest.raises(BadKey, match="is no role"):
        run(catalogue, "create", "--name", "Ana", "--role", "king")
