"""A resighting is told once, signed, without its place; what fails is tried again."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from service.notices import delivery
from service.notices.notifier import Notifier
from service.settings import Settings

SECRET = "a secret of ours"


class Hook:
    """A webhook on loopback; it refuses the first `refusals` requests."""

    def __init__(self, refusals: int = 0) -> None:
        self.bodies: list[bytes] = []
        self.signatures: list[str | None] = []
        self.tries = 0
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.tries += 1
                is_refused = hook.tries <= refusals
                if not is_refused:
                    hook.bodies.append(body)
                    hook.signatures.append(self.headers[delivery.SIGNATURE_HEADER])
                self.send_response(503 if is_refused else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def hook() -> Generator[Hook]:
    made = Hook(refusals=1)
    yield made
    made.close()


def use(curated: Any, **settings: Any) -> Notifier:
    writer = curated.client.app.state.writer
    writer.notifier.stop()
    writer.notifier = Notifier(writer.catalogue, Settings(**settings))
    writer.notifier.retries_seconds = (0.01, 0.01)
    return writer.notifier


def send(curated: Any, photo: Any, name: str, encounter: str, individual: str) -> None:
    client = curated.client
    form = {"encounter": encounter, "taken_at": "2026-05-28", "place": "Secret Cove"}
    form |= {"region": "the gulf"}
    degrees = 5 + sum(map(ord, name)) % 20
    files = {"photos": (name, photo(degrees), "image/png")}
    assert client.post("/v1/queue", files=files, data=form).status_code == 200
    path = f"/v1/queue/{name}/confirm"
    assert client.post(path, json={"individual": individual}).status_code == 200


def settle(notifier: Notifier) -> None:
    notifier._thread.submit(lambda: None).result(30)


def test_a_resighting_is_told_once_signed_and_without_its_place(
    curated: Any, photo: Any, hook: Hook
) -> None:
    notifier = use(curated, notice_url=hook.url, notice_secret=SECRET)
    send(curated, photo, "a.png", "e9", "w_0")
    send(curated, photo, "b.png", "e9", "w_0")  # of the same encounter
    send(curated, photo, "c.png", "e10", "w_new")  # never met before
    settle(notifier)
    (body,) = hook.bodies
    signed = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert hook.signatures == [f"sha256={signed}"]
    notice = json.loads(body)
    assert (notice["kind"], notice["individual"], notice["sightings"]) == ("resighting", "w_0", 2)
    assert "w_0 was seen again on 2026-05-28 in the gulf" in notice["text"]
    assert b"Secret" not in body
    assert hook.tries == 2  # the first one was refused


def test_places_are_told_where_that_is_set(curated: Any, photo: Any, hook: Hook) -> None:
    notifier = use(curated, notice_url=hook.url, notice_places=True)
    send(curated, photo, "a.png", "e9", "w_0")
    settle(notifier)
    assert json.loads(hook.bodies[0])["place"] == "Secret Cove"
    assert hook.signatures == [None]


def test_no_act_fails_where_nobody_takes_the_notice(
    curated: Any, photo: Any, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = use(
        curated,
        notice_url="http://127.0.0.1:9/",
        notice_email="a@example.org",
        notice_smtp="smtp://127.0.0.1:9",
    )
    send(curated, photo, "a.png", "e9", "w_0")
    settle(notifier)
    assert sum("is given up" in record.message for record in caplog.records) == 2


def test_an_email_says_who_was_seen(
    curated: Any, photo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []

    class Smtp:
        def __init__(self, host: str, port: int, timeout: float) -> None:
            assert (host, port) == ("127.0.0.1", 2525)

        def __enter__(self) -> Smtp:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def send_message(self, message: Any) -> None:
            sent.append(message)

    monkeypatch.setattr(delivery.smtplib, "SMTP", Smtp)
    notifier = use(curated, notice_email="a@example.org", notice_smtp="smtp://127.0.0.1:2525")
    send(curated, photo, "a.png", "e9", "w_0")
    settle(notifier)
    (message,) = sent
    assert (message["Subject"], message["To"]) == ("w_0 was seen again", "a@example.org")
    assert "in the gulf" in message.get_content()


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_mail_server_must_prove_who_it_is_before_it_hears_a_password(
    curated: Any, photo: Any, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    heard: list[Any] = []

    class Smtp:
        def __init__(self, *_: Any, context: ssl.SSLContext | None = None, **__: Any) -> None:
            self.context = context

        def __enter__(self) -> Smtp:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def starttls(self, context: ssl.SSLContext | None = None) -> None:
            self.context = context

        def login(self, *_: str) -> None:
            assert self.context is not None
            heard.append((self.context.verify_mode, self.context.check_hostname))

        def send_message(self, message: Any) -> None:
            heard.append(message["To"])

    monkeypatch.setattr(delivery.smtplib, "SMTP", Smtp)
    monkeypatch.setattr(delivery.smtplib, "SMTP_SSL", Smtp)
    address = f"{scheme}://ana:secret@mail.example.org"
    notifier = use(curated, notice_email="a@example.org", notice_smtp=address)
    send(curated, photo, "a.png", "e9", "w_0")
    settle(notifier)
    assert heard == [(ssl.CERT_REQUIRED, True), "a@example.org"]
