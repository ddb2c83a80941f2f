"""`flukeprint accounts`: a link on stdout, a list without secrets, roles and deactivation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from index.access.accounts.accounts import BadAccount
from index.access.store import AccessStore
from index.catalogue.catalogue import Catalogue
from index.commands.accounts import register
from index.storage.address import BadCatalogue
from tests.cheap_passwords import hash_cheaply

app = typer.Typer()
register(app)


@app.callback()
def _group() -> None:
    """Typer leaves the name of a lone group out."""


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    hash_cheaply(monkeypatch)
    Catalogue.open(tmp_path / "catalogue.db", create=True).close()
    return tmp_path / "catalogue.db"


def run(catalogue: Path, *words: str, code: int = 0) -> tuple[str, str]:
    result = CliRunner().invoke(
        app, ["accounts", *words, "--catalogue", str(catalogue)], catch_exceptions=False
    )
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def accept(catalogue: Path, link: str, name: str) -> None:
    token = link.strip().rpartition("/")[2]
    with Catalogue.open(catalogue) as opened:
        AccessStore.of(opened.engine).invitations.accept(token, name, "kelp tide lantern")


def test_the_link_alone_is_on_stdout_and_makes_an_account(catalogue: Path) -> None:
    words = ("--role", "admin", "--name", "Ana", "--url", "https://whales.example.org/")
    out, said = run(catalogue, "invite", *words)
    assert out.startswith("https://whales.example.org/#/invitation/")
    assert "A link for an account (admin). It works once, until" in said
    assert "invited until" in run(catalogue, "list")[0]
    accept(catalogue, out, "Ana")
    listed = json.loads(run(catalogue, "list", "--json")[0])
    assert [one["name"] for one in listed["accounts"]] == ["Ana"]
    assert listed["invitations"] == []
    table = run(catalogue, "list")[0]
    assert "Ana" in table
    assert "active" in table


def test_a_role_is_changed_and_an_account_deactivated_and_activated(catalogue: Path) -> None:
    for name in ("Ana", "Ben"):
        accept(catalogue, run(catalogue, "invite", "--role", "admin")[0], name)
    assert run(catalogue, "role", "ben", "read")[0] == "the account of Ben has the role read\n"
    assert "Ben is deactivated" in run(catalogue, "deactivate", "Ben")[0]
    ben = json.loads(run(catalogue, "list", "--json")[0])["accounts"][1]
    assert ben["deactivated_at"] is not None
    assert "Ben is active" in run(catalogue, "activate", "Ben")[0]
    with pytest.raises(BadAccount, match="Ana is the last admin"):
        run(catalogue, "deactivate", "Ana")


def test_a_forgotten_password_is_set_anew_by_a_link(catalogue: Path) -> None:
    accept(catalogue, run(catalogue, "invite", "--role", "admin")[0], "Ana")
    made = json.loads(run(catalogue, "invite", "--account", "Ana", "--json")[0])
    assert (made["name"], made["role"]) == ("Ana", "admin")
    assert made["link"].endswith(made["token"])
    assert "A link for a new password of Ana" in run(catalogue, "invite", "--account", "Ana")[1]


def test_the_first_invitation_may_begin_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_cheaply(monkeypatch)
    absent = tmp_path / "absent.db"
    with pytest.raises(BadCatalogue, match="there is no catalogue"):
        run(absent, "invite", "--role", "admin")
    assert not absent.exists()
    accept(absent, run(absent, "invite", "--role", "admin", "--begin")[0], "Ana")
    # A second time it stays what it is.
    run(absent, "invite", "--role", "read", "--begin")
    assert "Ana" in run(absent, "list")[0]


def test_somebody_new_or_an_account_is_invited_never_both(catalogue: Path) -> None:
    run(catalogue, "invite", code=2)
    run(catalogue, "invite", "--role", "read", "--account", "Ana", code=2)


def test_no_accounts_is_said_with_the_command_that_invites(catalogue: Path) -> None:
    assert "has no accounts; invite an admin with `flukeprint accounts" in run(catalogue, "list")[1]
