"""`flukeprint accounts`: who signs in to the page with a name and a password."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from index.commands.options import CatalogueOption, JsonOption
from index.messages import print_message

if TYPE_CHECKING:
    from index.access.accounts.accounts import Account
    from index.access.store import AccessStore
    from index.storage.address import CatalogueAddress

_AccountArgument = Annotated[str, typer.Argument(help="The id of an account, or its name.")]


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    accounts = typer.Typer(
        help="Invite people to the page, list and change their accounts.", no_args_is_help=True
    )
    accounts.command("invite")(invite)
    accounts.command("list")(list_accounts)
    accounts.command("role")(change_role)
    accounts.command("deactivate")(deactivate)
    accounts.command("activate")(activate)
    app.add_typer(accounts, name="accounts")


def invite(
    role: Annotated[
        str | None,
        typer.Option(
            "--role", help="read, contribute, curate or admin; each allows all before it."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="What the person might be called.")
    ] = None,
    account: Annotated[
        str | None,
        typer.Option("--account", help="An account whose person is to set a new password."),
    ] = None,
    days: Annotated[int, typer.Option("--days", help="For how many days the link is good.")] = 7,
    url: Annotated[
        str, typer.Option("--url", help="The address by which people reach the page.")
    ] = "http://127.0.0.1:8000",
    begin: Annotated[
        bool, typer.Option("--begin", help="Begin an empty catalogue where there is none.")
    ] = False,
    catalogue: CatalogueOption = Path("catalogue.db"),
    as_json: JsonOption = False,
) -> None:
    """Print a link by which somebody makes an account, or sets a new password, once.

    Give --role for somebody new, or --account for the person of an account. The person who opens
    the link chooses a name and a password. The first account is an admin's: from then on a service
    on this catalogue asks everybody to sign in, or for a key. A service that others reach doesn't
    start before it, so --begin makes the catalogue for it.
    """
    from index.access.names import LOCAL

    if (role is None) == (account is None):
        raise typer.BadParameter("give either --role, for somebody new, or --account")
    with _access(catalogue, may_begin=begin) as access:
        if account is not None:
            new = access.invitations.invite_again(account, made_by=LOCAL, days=days)
        else:
            new = access.invitations.invite(role or "", made_by=LOCAL, name=name, days=days)
    link = f"{url.rstrip('/')}/#/invitation/{new.token}"
    if as_json:
        print(json.dumps({**asdict(new.invitation), "token": new.token, "link": link}, indent=2))
        return
    whose = f"a new password of {new.invitation.name}" if account else f"an account ({role})"
    print_message(f"A link for {whose}. It works once, until {new.invitation.expires_at}:")
    print(link)


def list_accounts(
    catalogue: CatalogueOption = Path("catalogue.db"), as_json: JsonOption = False
) -> None:
    """Show every account and every invitation that can still be used.

    Passwords and links can't be shown.
    """
    with _access(catalogue) as access:
        found, invited = access.accounts.all(), access.invitations.all()
    if as_json:
        document = {"accounts": [*map(asdict, found)], "invitations": [*map(asdict, invited)]}
        print(json.dumps(document, indent=2))
        return
    if not found and not invited:
        print_message(
            f"{catalogue} has no accounts; invite an admin with `flukeprint accounts invite --role "
            "admin`"
        )
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "name", "role", "made", "last signed in", "state")
    for one in found:
        table.add_row(*_cells(one))
    for one in invited:
        state = f"invited until {one.expires_at}"
        table.add_row(one.id, one.name or "", one.role, one.created_at, "", state)
    Console().print(table)


def change_role(
    account: _AccountArgument,
    role: Annotated[str, typer.Argument(help="read, contribute, curate or admin.")],
    catalogue: CatalogueOption = Path("catalogue.db"),
) -> None:
    """Give an account another role, from the very next request on."""
    with _access(catalogue) as access:
        changed = access.accounts.set_role(account, role)
    print(f"the account of {changed.name} has the role {changed.role}")


def deactivate(
    account: _AccountArgument, catalogue: CatalogueOption = Path("catalogue.db")
) -> None:
    """Let nobody in by an account any more, and sign its devices out.

    Its name stays in the log of changes. The last admin can't be deactivated.
    """
    with _access(catalogue) as access:
        changed = access.accounts.deactivate(account)
    print(f"the account of {changed.name} is deactivated")


def activate(account: _AccountArgument, catalogue: CatalogueOption = Path("catalogue.db")) -> None:
    """Let the person of a deactivated account sign in again."""
    with _access(catalogue) as access:
        changed = access.accounts.activate(account)
    print(f"the account of {changed.name} is active")


def _cells(account: Account) -> tuple[str, ...]:
    state = f"deactivated {account.deactivated_at}" if account.deactivated_at else "active"
    return (
        account.id,
        account.name,
        account.role,
        account.created_at,
        account.last_signed_in_at or "never",
        state,
    )


@contextmanager
def _access(catalogue: CatalogueAddress, *, may_begin: bool = False) -> Generator[AccessStore]:
    from index.access.store import AccessStore
    from index.catalogue.catalogue import Catalogue
    from index.storage.connection import exists

    with Catalogue.open(catalogue, create=may_begin and not exists(catalogue)) as opened:
        yield AccessStore.of(opened.engine)
