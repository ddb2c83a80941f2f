"""`flukeprint keys`: who may use the service."""

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
    from index.access.keys import ApiKey, Keys
    from index.storage.address import CatalogueAddress


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    keys = typer.Typer(help="Make, list and revoke the keys of the service.", no_args_is_help=True)
    keys.command("create")(create)
    keys.command("list")(list_keys)
    keys.command("revoke")(revoke)
    app.add_typer(keys, name="keys")


def create(
    name: Annotated[
        str, typer.Option("--name", help="Who uses it; the log of changes names them so.")
    ],
    role: Annotated[
        str,
        typer.Option(
            "--role", help="read, contribute, curate or admin; each allows all before it."
        ),
    ],
    catalogue: CatalogueOption = Path("catalogue.db"),
    as_json: JsonOption = False,
) -> None:
    """Make a key and print its secret, which is shown only this once and stored nowhere.

    read: identify and view. contribute: also add photos. curate: also confirm, rename, merge, split
    and undo. admin: also make keys. From the first key on, a service on this catalogue answers only
    who has one.
    """
    with _keys(catalogue) as keys:
        new = keys.create(name, role)
    if as_json:
        print(json.dumps({**asdict(new.key), "secret": new.secret}, indent=2))
        return
    print_message(
        f"Key {new.key.id} for {name} ({role}). Its secret, shown only now, goes into the header"
    )
    print_message("`Authorization: Bearer SECRET` or `X-API-Key: SECRET` of each request:")
    print(new.secret)


def list_keys(
    catalogue: CatalogueOption = Path("catalogue.db"), as_json: JsonOption = False
) -> None:
    """Show every key: id, name, role, and when it was made, used and revoked.

    Secrets can't be shown.
    """
    with _keys(catalogue) as keys:
        found = keys.all()
    if as_json:
        print(json.dumps([asdict(key) for key in found], indent=2))
        return
    if not found:
        print_message(
            f"{catalogue} has no keys; make one with `flukeprint keys create --name NAME --role "
            "admin`"
        )
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "name", "role", "made", "last used", "state")
    for key in found:
        table.add_row(*_cells(key))
    Console().print(table)


def revoke(
    key: Annotated[str, typer.Argument(help="The id of a key, or its name.")],
    catalogue: CatalogueOption = Path("catalogue.db"),
) -> None:
    """Revoke a key, from the very next request on.

    Its name stays in the log of changes.
    """
    with _keys(catalogue) as keys:
        revoked = keys.revoke(key)
        are_left = any(not each.is_revoked for each in keys.all()) or keys.has_accounts()
    print(f"key {revoked.id} of {revoked.name} is revoked")
    if not are_left:
        print_message(
            "This was the last key: the service answers nobody until `flukeprint keys create` "
            "makes another."
        )


def _cells(key: ApiKey) -> tuple[str, ...]:
    state = f"revoked {key.revoked_at}" if key.revoked_at else "in use"
    return key.id, key.name, key.role, key.created_at, key.last_used_at or "never", state


@contextmanager
def _keys(catalogue: CatalogueAddress) -> Generator[Keys]:
    from index.access.keys import Keys
    from index.catalogue.catalogue import Catalogue

    with Catalogue.open(catalogue) as opened:
        yield Keys(opened.engine)
