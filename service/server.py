"""From settings to a listening server, and back to a clean end."""

from __future__ import annotations

import errno
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from functools import partial

import uvicorn
from fastapi import FastAPI

from embedding.errors import FlukeprintError
from embedding.networks.malloc import limit_arenas
from index.access.store import AccessStore
from service.app import create_app
from service.catalogue.writer import act_now, follow_job, open_writer
from service.http.callers.other_sites import is_loopback
from service.jobs.queue import JobQueue, open_jobs
from service.serving.loading import check_catalogue, load_serving, open_access
from service.serving.service import Service, Serving
from service.settings import Settings, unknown_variables
from service.slow_connections import (
    KEEP_ALIVE_SECONDS,
    raise_file_limit,
    timed_protocol,
)
from service.telemetry import logs
from service.telemetry.tracing import start_tracing

_MOST_ARENAS = 4  # about as many threads allocate at once: two decode, one embeds, one lists
_STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class CannotListen(FlukeprintError):
    """An address or port that can't be had; the message says which and what to try."""


class NeedsKey(FlukeprintError):
    """An address that other machines reach, without any key; the message has the command."""


def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, then finish the running requests and return.

    Raises FlukeprintError for what can't be served and CannotListen for where it can't be.
    """
    limit_arenas(_MOST_ARENAS)
    if check_catalogue(settings):
        _print(
            f"there was no catalogue at {settings.catalogue}: it is begun, empty. Drop your "
            "photos on the page, or build one with `flukeprint index build`"
        )
    with ExitStack() as stack:
        stack.callback(start_tracing())
        access = stack.enter_context(closing(open_access(settings)))
        listening = stack.enter_context(listen(settings.host, settings.port))
        _refuse_open(settings, listening, access)
        _announce(settings, listening)
        _serve(settings, listening, access)


def listen(host: str, port: int) -> socket.socket:
    """Take a port (0: a free one) on an address. Raises CannotListen."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except socket.gaierror as error:
        raise CannotListen(
            f"{host!r} is no address of this machine ({error.strerror}); give --host 127.0.0.1"
        ) from error
    except OSError as error:
        raise CannotListen(_why_not_listening(error, host, port)) from error


def _why_not_listening(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is taken by another program: stop that one, choose another "
            "with --port, or let --port 0 take a free one"
        )
    if error.errno == errno.EACCES:
        return (
            f"port {port} on {host} is not open to this user; choose one from 1024 on with --port"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"{host} is no address of this machine; give --host 127.0.0.1, or 0.0.0.0 for all of "
            "its addresses"
        )
    return f"can't listen on {host} port {port}: {error.strerror}"


def _refuse_open(settings: Settings, listening: socket.socket, access: AccessStore) -> None:
    """Raise NeedsKey where other machines reach the service and nobody could say who they are."""
    if is_loopback(settings.host) and is_loopback(_address(listening)[0]):
        return
    if any(not key.is_revoked for key in access.keys.all()):
        return
    if any(account.is_active for account in access.accounts.all()) or access.invitations.all():
        return
    raise NeedsKey(
        f"other machines may reach {settings.host}, and there is no account and no key: anybody "
        "could use the catalogue. Invite an admin with `flukeprint accounts invite --role admin "
        f"--catalogue {settings.catalogue}`, or make a key with `flukeprint keys create --name "
        f"NAME --role admin --catalogue {settings.catalogue}`, or leave --host at 127.0.0.1"
    )


def url_of(listening: socket.socket) -> str:
    """The URL under which this machine reaches the socket."""
    address, port = _address(listening)
    host = _EVERY_ADDRESS.get(address, address)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _address(listening: socket.socket) -> tuple[str, int]:
    address = listening.getsockname()  # (address, port), and for IPv6 two numbers more
    return str(address[0]), int(address[1])


def _announce(settings: Settings, listening: socket.socket) -> None:
    for name in unknown_variables():
        _print(
            f"warning: {name} is not a setting and changes nothing; docs/settings.md lists the "
            "settings"
        )
    if not is_loopback(_address(listening)[0]):
        _print(
            f"note: other machines may reach {settings.host}. Passwords, keys and photos cross the "
            "network unencrypted: put a TLS proxy in front."
        )
    _print(f"loading {settings.catalogue} ...")


def _serve(settings: Settings, listening: socket.socket, access: AccessStore) -> None:
    failures: list[Exception] = []
    # Read once: when the service stops while loading, the socket closes before `on_loaded`.
    url = url_of(listening)

    def on_loaded(outcome: Serving | Exception) -> None:
        if isinstance(outcome, Exception):
            failures.append(outcome)
            server.should_exit = True
        elif not server.should_exit:
            _print(_what_is_served(settings, outcome, url))
            print(url, flush=True)

    def with_jobs(service: Service) -> JobQueue:
        return open_jobs(
            settings, service, on_revision=lambda: follow_job(app), act=partial(act_now, app)
        )

    app = create_app(
        settings,
        lambda: load_serving(settings),
        on_loaded=on_loaded,
        access=access,
        open_jobs=with_jobs,
        open_writer=lambda service: open_writer(settings, service),
    )
    # Event streams end by this: uvicorn waits for them before it stops the application.
    app.state.is_stopping = lambda: server.should_exit
    server = _server(app, settings)
    logs.configure(settings.log_level, settings.log_format)
    with _stopped_by_signals(server):
        server.run(sockets=[listening])
    if failures:
        raise failures[0]
    _print("stopped")


def _server(app: FastAPI, settings: Settings) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=timed_protocol(raise_file_limit()),
            # Longer than clients keep a connection (httpx: 5 s): else one is closed just when its
            # next request is on the way.
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            log_config=None,  # the envelope logs each request, with its id
            access_log=False,
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips=settings.trusted_proxies,
            timeout_graceful_shutdown=settings.shutdown_seconds,
        )
    )


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Generator[None]:
    """Stop on SIGINT and SIGTERM with exit code 0.

    After its own shutdown, uvicorn raises a signal again for the handler before it. That is this
    one, so the process ends with exit code 0. It also acts before uvicorn handles signals.
    """

    def stop(*_: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in _STOPPING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _what_is_served(settings: Settings, serving: Serving, url: str) -> str:
    gallery = serving.identifier.gallery
    return (
        f"serving {settings.catalogue} revision {gallery.revision}: {gallery.individual_count} "
        f"individuals, {gallery.size} photos, checkpoint {gallery.fingerprint[:12]}\n"
        f"{serving.identifier.calibration.description}\n"
        f"ready at {url} (reference: {url}/docs); Ctrl-C stops"
    )


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
