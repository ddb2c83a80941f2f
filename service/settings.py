"""Every option of the service: a flag, a variable, a key of the TOML file, a line of docs."""

from __future__ import annotations

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from embedding.errors import FlukeprintError
from embedding.runtime import Precision, RuntimeName
from index.storage.address import CatalogueAddress, PostgresAddress, address_of, with_files_folder
from index.stored.engine_names import checked_engine
from index.stored.milvus_address import BadEngineName

ENV_PREFIX = "FLUKEPRINT_"
MIB = 2**20
_OF_CLIENTS = {"FLUKEPRINT_API_KEY"}  # what `--server` sends


class BadSettings(FlukeprintError):
    """An option out of range, or options that contradict each other."""


def _catalogue(value: Any) -> CatalogueAddress:
    # A mapping is what `model_dump` makes of an address.
    return (
        PostgresAddress(**cast("dict[str, Any]", value))
        if isinstance(value, dict)
        else address_of(value)
    )


def _dumped(address: Any) -> Any:
    return address


_Catalogue = Annotated[
    CatalogueAddress, PlainValidator(_catalogue), PlainSerializer(_dumped), NoDecode
]


class Settings(BaseSettings):
    """The settings of `flukeprint serve`.

    A flag wins over its environment variable, and that over the file.
    """

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_ignore_empty=True, frozen=True)

    config: Path | None = Field(
        None, description="A TOML file of these settings, by the names in the third column."
    )
    catalogue: _Catalogue = Field(
        Path("catalogue.db"),
        description="The catalogue to answer from: a SQLite file, or "
        "`postgresql://USER@HOST/DATABASE`.",
    )
    files: Path | None = Field(
        None,
        description="The folder of a PostgreSQL catalogue's photos and of jobs' files; those of "
        "a SQLite file are next to it.",
    )
    media: str | None = Field(
        None,
        pattern="^[a-z0-9+]+://.",
        description="An object store for the photos that are taken in, `s3://BUCKET/PREFIX`; the "
        "media folder is then a cache of it. It is remembered there. Without it, and without one "
        "that is remembered, photos are kept in the folder.",
    )
    checkpoint: Path | None = Field(
        None,
        description="The checkpoint that made the catalogue's vectors; without it the one "
        "shipped with flukeprint.",
    )
    checkpoints: Path | None = Field(
        None,
        description="The folder of checkpoints that the job `upgrade` may go over to. The "
        "service finds the catalogue's checkpoint there after an upgrade. Without it, no upgrade.",
    )
    device: str | None = Field(
        None,
        description="Where the network runs, `cpu` or `cuda`; without it the GPU where there is "
        "one.",
    )
    runtime: RuntimeName = Field(
        "auto",
        description="What computes the networks: `openvino` (the checkpoint's graphs, on the "
        "processor), `torch`, or `auto`: torch where there is a GPU or the checkpoint has no "
        "graphs.",
    )
    precision: Precision = Field(
        "float32",
        description="The networks' arithmetic, `float32` or `bf16`: faster on some processors, "
        "with vectors that are compared with no others. It must be that of the catalogue.",
    )
    embed_on: str | None = Field(
        None,
        pattern="^ray://.",
        description="A Ray cluster, `ray://HOST:10001`, on whose nodes the jobs `reindex` and "
        "`upgrade` embed the catalogue's photos. Its nodes have the same flukeprint, and the "
        "checkpoints at the same paths. Without it the service embeds them itself.",
    )
    nodes_read: str | None = Field(
        None,
        pattern="^.+=.+",
        description="Where those nodes find photos that are not at the same path, as FOLDER=PLACE: "
        "a folder here, and another folder, `s3://BUCKET/PREFIX` or `http://HOST/PATH`. Those of "
        "`media` are read from its store anyway.",
    )
    host: str = Field("127.0.0.1", min_length=1, description="The address to listen on.")
    port: int = Field(
        8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one and prints it."
    )
    trusted_proxies: str = Field(
        "127.0.0.1,::1",
        description="The proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: "
        "addresses or networks such as `10.42.0.0/16`, with commas. Logs and limits then have the "
        "address of who asked, and not the proxy's.",
    )
    max_upload_bytes: int = Field(
        64 * MIB,
        ge=1024,
        description="The largest request body, and so the largest photo; beyond it 413.",
    )
    max_archive_bytes: int = Field(
        4096 * MIB,
        ge=1024,
        description="The largest zip that comes with a job; beyond it 413. Unpacked it may have "
        "twice as much.",
    )
    max_json_bytes: int = Field(
        MIB,
        ge=1024,
        description="The largest body that is JSON, never more than max_upload_bytes; beyond it "
        "413.",
    )
    max_photos: int = Field(
        16, ge=1, le=1000, description="The most photos in one request; beyond it 422."
    )
    max_photo_pixels: int = Field(
        120_000_000,
        ge=1,
        description="The most pixels in one photo, checked before it is decoded; beyond it 422.",
    )
    decode_threads: int = Field(
        2, ge=1, le=64, description="How many photos are decoded side by side."
    )
    max_waiting_photos: int = Field(
        64,
        ge=1,
        description="The most photos taken in and not yet answered; a request that finds no room "
        "gets 503.",
    )
    max_batch: int = Field(8, ge=1, description="The most photos in one batch of the network.")
    max_wait_ms: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="How long a photo waits for others to fill a batch: 0 on a CPU, 2 to 5 on a "
        "GPU.",
    )
    animal_threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The animal score below which a photo is answered `no_animal`; 0: never. "
        "Without it the checkpoint's own, or less where the catalogue's photos score less.",
    )
    engine: str = Field(
        "auto",
        description="How the catalogue is searched. flat: every photo is compared, exactly. pq: "
        "coarsely first, and then those that may be near again, exactly; several times as fast, "
        "and it may miss one of two thousand near photos. auto: pq from 200,000 photos on, or from "
        "fewer where their vectors are longer. pgvector: in the catalogue's own PostgreSQL, "
        "exactly, so that the vectors are not in the service's memory. pgvector-hnsw: there by an "
        "index, which is faster and may miss a near photo. milvus://HOST:PORT, or milvus+tls://: "
        "on a Milvus server or cluster, by such an index; MILVUS_TOKEN is what it wants to see.",
    )
    job_photos: Path | None = Field(
        None,
        description="The folder below which jobs may read photos; without it the catalogue's "
        "folder.",
    )
    job_lease_seconds: float = Field(
        120.0,
        ge=6,
        le=86400,
        description="How long a service on another machine may be silent before its job is taken "
        "over. Clocks must differ by less. A job says six times in it that it is alive.",
    )
    keep_jobs_days: float = Field(
        30.0,
        gt=0,
        le=36500,
        description="How long the files of a job that has ended are kept: its zip, its result.",
    )
    new_share: float = Field(
        0.3,
        gt=0,
        lt=1,
        description="The share of the photos sent that show animals which the catalogue lacks: "
        "probabilities depend on it. `GET /v1/calibration` estimates it from the queue.",
    )
    requests_per_minute: int = Field(
        0,
        ge=0,
        description="How many requests a minute one key may send, or one address where there are "
        "no keys; beyond it 429. 0: no limit.",
    )
    keep_answers_hours: float = Field(
        24.0,
        gt=0,
        le=8760,
        description="How long the answer to a request with an Idempotency-Key is kept.",
    )
    retry_after_seconds: int = Field(
        1,
        ge=1,
        description="The Retry-After of a service that is full or still starting.",
    )
    shutdown_seconds: int = Field(
        10,
        ge=1,
        description="How long running requests may take to finish when the service stops.",
    )
    notice_url: str | None = Field(
        None,
        pattern="^https?://",
        description="A webhook that is told, as JSON, when a known animal was seen again.",
    )
    notice_secret: str | None = Field(
        None,
        min_length=8,
        description="The secret that notices are signed with (`X-Flukeprint-Signature`, "
        "HMAC-SHA256 of the body).",
    )
    notice_email: str | None = Field(
        None, pattern="@", description="Who gets an e-mail when a known animal was seen again."
    )
    notice_from: str = Field(
        "flukeprint@localhost", pattern="@", description="The sender of those e-mails."
    )
    notice_smtp: str = Field(
        "smtp://localhost:25",
        pattern="^smtps?://",
        description="The mail server, `smtp://USER:PASSWORD@HOST:587` (STARTTLS) or `smtps://`.",
    )
    notice_places: bool = Field(
        False, description="Whether notices have places; without it they have regions only."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What is logged on stderr; `info` has one line a request."
    )

    log_format: Literal["text", "json"] = Field(
        "text",
        description="How it is logged: lines for people, or one JSON object a line for programs.",
    )

    @property
    def address(self) -> CatalogueAddress:
        """Where the catalogue and its files are."""
        return with_files_folder(self.catalogue, self.files)

    @field_validator("engine")
    @classmethod
    def _engine_is_known(cls, name: str) -> str:
        try:
            return checked_engine(name)
        except BadEngineName as error:
            raise ValueError(str(error)) from error

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_networks(cls, text: str) -> str:
        for one in filter(None, map(str.strip, text.split(","))):
            try:
                network = ipaddress.ip_network(one, strict=False)
            except ValueError:
                network = None
            if network is None or not network.prefixlen:
                raise ValueError(
                    f"{one!r} is no address or network of proxies; give those of your proxies "
                    "alone, such as 10.42.0.0/16, because they say who asks"
                )
        return text

    @model_validator(mode="after")
    def _a_full_request_fits(self) -> Settings:
        if self.max_photos > self.max_waiting_photos:
            raise ValueError(
                f"max_photos is {self.max_photos}, more than max_waiting_photos, "
                f"{self.max_waiting_photos}: such a request could never be accepted"
            )
        return self


def read_settings(options: Mapping[str, Any] | None = None) -> Settings:
    """Read settings from options (None: not given), environment, file and defaults.

    Raises BadSettings naming each bad option as flag and as environment variable, and what is wrong
    with the file.
    """
    provided = {name: value for name, value in (options or {}).items() if value is not None}
    unknown = sorted(set(provided) - set(Settings.model_fields))
    if unknown:
        raise BadSettings(f"unknown settings {unknown}; known are {sorted(Settings.model_fields)}")
    in_environment = {name.upper(): value for name, value in os.environ.items() if value}
    file = provided.get("config") or in_environment.get(variable("config"))
    from_file = read_file(Path(file)) if file else {}
    from_file = {
        name: value for name, value in from_file.items() if variable(name) not in in_environment
    }
    try:
        return Settings(**{**from_file, **provided})
    except ValidationError as error:
        faults_text = "; ".join(_complaint(part["loc"], part["msg"]) for part in error.errors())
        raise BadSettings(
            f"{faults_text} (settings were also read from {file})" if from_file else faults_text
        ) from error


def read_file(path: Path) -> dict[str, Any]:
    """The settings in a TOML file.

    Raises BadSettings; the message suggests names for a misspelt one.
    """
    try:
        read = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadSettings(f"the settings in {path} can't be read: {error.strerror}") from error
    except ValueError as error:  # also of bytes that are not UTF-8
        raise BadSettings(f"{path} is not TOML: {error}") from error
    known = sorted(set(Settings.model_fields) - {"config"})
    faults = [_unknown(name, known) for name in read if name not in known]
    if faults:
        raise BadSettings(f"{path}: {'; '.join(faults)}")
    return read


def _unknown(name: str, known: Sequence[str]) -> str:
    if name == "config":
        return "`config` can't name another file; write the settings here"
    near = difflib.get_close_matches(name.replace("-", "_").lower(), known)
    meant = (
        f"did you mean {' or '.join(f'`{one}`' for one in near)}?"
        if near
        else f"known are {', '.join(known)}"
    )
    return f"unknown setting `{name}`; {meant}"


def _complaint(location: tuple[int | str, ...], message: str) -> str:
    if not location:
        return message.removeprefix("Value error, ")
    name = str(location[0])
    return f"{flag(name)} (or {variable(name)}): {message}"


def unknown_variables(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The FLUKEPRINT_ variables that no setting reads, such as misspelt ones."""
    known = {variable(name) for name in Settings.model_fields} | _OF_CLIENTS
    names = os.environ if environment is None else environment
    return tuple(
        sorted(name for name in names if name.startswith(ENV_PREFIX) and name not in known)
    )


def flag(name: str) -> str:
    """`max_photos` -> `--max-photos`."""
    return f"--{name.replace('_', '-')}"


def variable(name: str) -> str:
    """`max_photos` -> `FLUKEPRINT_MAX_PHOTOS`."""
    return f"{ENV_PREFIX}{name.upper()}"


def described(name: str) -> str:
    """The description of a setting, as in the docs."""
    return Settings.model_fields[name].description or ""


def settings_table() -> str:
    """The text of docs/settings.md."""
    rows = [
        f"| `{flag(name)}` | `{variable(name)}` | {_in_file(name)} | {_default(field)} | "
        f"{field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join([_HEADING, *rows, ""])


def _in_file(name: str) -> str:
    return "" if name == "config" else f"`{name}`"


def _default(field: FieldInfo) -> str:
    return "" if field.default is None else f"`{field.default}`"


_HEADING = """\
# Settings of the service

Generated from `service/settings.py`. Every option of `flukeprint serve` is a flag, an environment
variable, and a key of the TOML file that `--config` names. The flag wins over the variable, and the
variable over the file. A name in the file that is not listed here is an error. Such a `FLUKEPRINT_`
variable is a warning.

| flag | variable | in the file | default | what it does |
| --- | --- | --- | --- | --- |"""
