"""`flukeprint serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def _option(name: str, description: str) -> Any:
    """Make a flag whose default is the setting's own, in `service.settings`."""
    return typer.Option(envvar=f"FLUKEPRINT_{name.upper()}", help=description)


def serve(
    config: Annotated[Path | None, _option("config", "A TOML file of these settings.")] = None,
    catalogue: Annotated[
        str | None,
        _option(
            "catalogue",
            "The catalogue: a SQLite file, or postgresql://USER@HOST/DATABASE [catalogue.db].",
        ),
    ] = None,
    files: Annotated[
        Path | None,
        _option("files", "The folder of a PostgreSQL catalogue's photos and of jobs' files."),
    ] = None,
    media: Annotated[
        str | None, _option("media", "An object store for photos, s3://BUCKET/PREFIX [a folder].")
    ] = None,
    checkpoint: Annotated[
        Path | None, _option("checkpoint", "The checkpoint that made it [shipped one].")
    ] = None,
    checkpoints: Annotated[
        Path | None, _option("checkpoints", "The folder whose checkpoints a job may go over to.")
    ] = None,
    device: Annotated[
        str | None, _option("device", "cpu or cuda [the GPU where there is one].")
    ] = None,
    runtime: Annotated[
        str | None, _option("runtime", "What computes: auto, openvino or torch [auto].")
    ] = None,
    precision: Annotated[str | None, _option("precision", "float32, or bf16 [float32].")] = None,
    embed_on: Annotated[
        str | None, _option("embed_on", "A Ray cluster that embeds for jobs, ray://HOST:10001.")
    ] = None,
    nodes_read: Annotated[
        str | None, _option("nodes_read", "Where its nodes find a folder's photos, FOLDER=PLACE.")
    ] = None,
    host: Annotated[str | None, _option("host", "The address to listen on [127.0.0.1].")] = None,
    port: Annotated[
        int | None, _option("port", "The port; 0 takes a free one and prints it [8000].")
    ] = None,
    trusted_proxies: Annotated[
        str | None,
        _option("trusted_proxies", "Proxies that say who asks, as networks [127.0.0.1,::1]."),
    ] = None,
    max_upload_bytes: Annotated[
        int | None, _option("max_upload_bytes", "Largest request body.")
    ] = None,
    max_archive_bytes: Annotated[
        int | None, _option("max_archive_bytes", "Largest zip sent with a job.")
    ] = None,
    max_json_bytes: Annotated[
        int | None, _option("max_json_bytes", "Largest body that is JSON.")
    ] = None,
    max_photos: Annotated[int | None, _option("max_photos", "Most photos in one request.")] = None,
    max_photo_pixels: Annotated[
        int | None, _option("max_photo_pixels", "Most pixels in one photo.")
    ] = None,
    decode_threads: Annotated[
        int | None, _option("decode_threads", "Photos decoded side by side.")
    ] = None,
    max_waiting_photos: Annotated[
        int | None, _option("max_waiting_photos", "Most photos not yet answered; beyond it 503.")
    ] = None,
    max_batch: Annotated[
        int | None, _option("max_batch", "Most photos in one batch of the network.")
    ] = None,
    max_wait_ms: Annotated[
        float | None, _option("max_wait_ms", "Wait to fill a batch: 0 on a CPU.")
    ] = None,
    animal_threshold: Annotated[
        float | None,
        _option("animal_threshold", "Animal score below which it is `no_animal`; 0: never."),
    ] = None,
    engine: Annotated[
        str | None,
        _option(
            "engine",
            "How photos are searched: auto, flat, pq, pgvector, pgvector-hnsw or "
            "milvus://HOST:PORT.",
        ),
    ] = None,
    job_photos: Annotated[
        Path | None,
        _option("job_photos", "Jobs may read photos below this folder [the catalogue's]."),
    ] = None,
    job_lease_seconds: Annotated[
        float | None,
        _option("job_lease_seconds", "Silence after which a job is taken over by another service."),
    ] = None,
    keep_jobs_days: Annotated[
        float | None,
        _option("keep_jobs_days", "How long the files of jobs that have ended are kept."),
    ] = None,
    new_share: Annotated[
        float | None,
        _option("new_share", "Share of the photos that show new animals."),
    ] = None,
    requests_per_minute: Annotated[
        int | None,
        _option("requests_per_minute", "Most a minute by one key or address; beyond it 429."),
    ] = None,
    keep_answers_hours: Annotated[
        float | None,
        _option("keep_answers_hours", "How long answers with an Idempotency-Key are kept."),
    ] = None,
    retry_after_seconds: Annotated[
        int | None, _option("retry_after_seconds", "The Retry-After of a full service.")
    ] = None,
    shutdown_seconds: Annotated[
        int | None, _option("shutdown_seconds", "Time for running requests to finish when stopped.")
    ] = None,
    notice_url: Annotated[
        str | None, _option("notice_url", "A webhook that is told of animals seen again.")
    ] = None,
    notice_secret: Annotated[
        str | None, _option("notice_secret", "The secret that notices are signed with.")
    ] = None,
    notice_email: Annotated[
        str | None, _option("notice_email", "Who gets an e-mail of animals seen again.")
    ] = None,
    notice_from: Annotated[
        str | None, _option("notice_from", "The sender of those e-mails.")
    ] = None,
    notice_smtp: Annotated[
        str | None, _option("notice_smtp", "The mail server [smtp://localhost:25].")
    ] = None,
    notice_places: Annotated[
        bool | None, _option("notice_places", "Notices have places, too [regions only].")
    ] = None,
    log_level: Annotated[str | None, _option("log_level", "debug, info, warning or error.")] = None,
    log_format: Annotated[str | None, _option("log_format", "text, or json for programs.")] = None,
) -> None:
    """Answer over HTTP who is in a photo. The URL is printed on stdout once it answers.

    docs/settings.md explains every option.
    """
    options = dict(locals())
    from service.server import run
    from service.settings import read_settings

    run(read_settings(options))


def register(app: typer.Typer) -> None:
    """Mount this wing's command."""
    app.command("serve")(serve)
