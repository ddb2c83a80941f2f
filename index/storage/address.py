"""Where a catalogue is: a SQLite file, or a PostgreSQL URL and the folder of its files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from embedding.errors import FlukeprintError

DEFAULT_SCHEMA = "flukeprint"
_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_SCHEMA = re.compile(
    r"[a-z_][a-z0-9_]{0,49}"
)  # leaves room for "_restoring" in PostgreSQL's 63 letters
_TOLD_OPTIONS = (
    "host",
    "port",
    "user",
    "dbname",
    "service",
    "sslmode",
)  # no others: a password may be among them


class BadCatalogue(FlukeprintError):
    """A catalogue that is absent, not ours, too new, damaged, locked or can't be written."""


class CatalogueBusy(BadCatalogue):
    """Another process is changing the catalogue just now."""


class CatalogueAway(BadCatalogue):
    """The catalogue's database server can't be reached, or has gone while it was asked."""


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """A catalogue in a schema of a PostgreSQL database, and the folder of its files.

    As text it has no password, so that it can be told anywhere. What a URL doesn't say, libpq takes
    from the environment (PGPASSWORD, PGHOST, ...) and ~/.pgpass.
    """

    host: str = ""
    port: int | None = None
    database: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    schema: str = DEFAULT_SCHEMA
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    files: Path | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{quote(self.user)}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        options = [(name, value) for name, value in self.options if name in _TOLD_OPTIONS]
        options += [("schema", self.schema)] if self.schema != DEFAULT_SCHEMA else []
        query = f"?{urlencode(options, safe='/')}" if options else ""
        return f"postgresql://{user}{host}{port}/{quote(self.database)}{query}"

    def sibling(self, word: str) -> PostgresAddress:
        """Another schema of the same database, for what isn't complete yet."""
        return replace(self, schema=f"{self.schema}_{word}")


CatalogueAddress: TypeAlias = Path | PostgresAddress


def address_of(text: str | Path | PostgresAddress) -> CatalogueAddress:
    """Tell a file from a URL.

    Raises BadCatalogue for a URL that can't be, without repeating what may be a password.
    """
    if not isinstance(text, str):
        return text
    scheme, separator, _ = text.partition("://")
    if not separator:
        return Path(text)
    if scheme not in _SCHEMES:
        raise BadCatalogue(
            f"{scheme}:// is no catalogue's: give the path of a SQLite file, or "
            "postgresql://USER@HOST/DATABASE"
        )
    try:
        return _parsed(text)
    except ValueError as error:
        raise BadCatalogue(
            "the catalogue's URL can't be read: give "
            "postgresql://USER@HOST:PORT/DATABASE?schema=NAME, with % codes "
            "for other signs in a password (%40 for @, %2F for /), or the password in PGPASSWORD"
        ) from error


def _parsed(url: str) -> PostgresAddress:
    parts = urlsplit(url)
    database = unquote(parts.path.removeprefix("/"))
    if parts.fragment or "/" in database or "@" in database:
        raise ValueError
    options = dict(
        parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) if parts.query else ()
    )
    schema = options.pop("schema", DEFAULT_SCHEMA)
    if not _SCHEMA.fullmatch(schema):
        raise BadCatalogue(
            f"schema={schema!r} can't name a catalogue's schema: give up to 50 of a-z, 0-9 and "
            "_, no digit first"
        )
    return PostgresAddress(
        host=unquote(parts.hostname or ""),
        port=parts.port,
        database=database,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        schema=schema,
        options=tuple(options.items()),
    )


def with_files_folder(address: CatalogueAddress, files: Path | None) -> CatalogueAddress:
    """The address with the folder of its files.

    A SQLite catalogue's lie beside its file, whatever `files` says.
    """
    if isinstance(address, Path) or files is None:
        return address
    return replace(address, files=files.absolute())


def resolve_links(address: CatalogueAddress) -> CatalogueAddress:
    """Resolve links in a file's path.

    SQLite keeps its log beside the real file, whatever led there.
    """
    return address.resolve() if isinstance(address, Path) else address


def files_folder(address: CatalogueAddress) -> Path:
    """The folder that a catalogue's relative paths start from.

    Raises BadCatalogue where a URL came without one.
    """
    if isinstance(address, Path):
        return address.resolve().parent
    if address.files is None:
        raise BadCatalogue(
            f"the catalogue {address} is a database, and its photos are files: say in which "
            "folder they lie with "
            "--files FOLDER (or FLUKEPRINT_FILES), the same one for every command and the service"
        )
    return address.files.resolve()


def refuse_no_folder(address: CatalogueAddress) -> None:
    """Raise BadCatalogue where there is no folder for a catalogue and its files."""
    folder = address.parent if isinstance(address, Path) else files_folder(address)
    if not folder.is_dir():
        raise BadCatalogue(
            f"there is no folder {folder} for the catalogue; make it first, or give another path"
        )


def sibling_folder(address: CatalogueAddress, word: str) -> Path:
    """Find a folder of a catalogue's own.

    It is `catalogue.db.media` beside `catalogue.db`, `media` in a database's `--files`.
    """
    if isinstance(address, Path):
        path = address.resolve()
        return path.with_name(f"{path.name}.{word}")
    return files_folder(address) / word


def snapshot_folder(address: CatalogueAddress) -> Path:
    """The folder of what was derived from a catalogue for its next start (`index.snapshots`)."""
    return sibling_folder(address, "snapshot")
