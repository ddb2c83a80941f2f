"""A real server on a real socket: where it listens, what it prints, how it ends."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from index.access.accounts.invitations import Invitations
from index.access.keys import Keys
from index.catalogue.catalogue import Catalogue
from service.server import CannotListen, listen, url_of

# The real command with a stand-in for what it loads: one whale, an embedder that sees it in every
# photo.
_SERVE = """
import atexit, os, sys, tempfile, time
from pathlib import Path
import numpy as np
import service.server as running
from embedding.errors import FlukeprintError
from index.calibration.fitting import fit_trials
from index.catalogue.catalogue import Catalogue
from index.search.gallery import Gallery
from index.identification.identifier import Identifier
from index.calibration.trials import Trials
from service.serving.service import Serving
from service.settings import read_settings

class OneWhale:
    fingerprint, dimension = "f1" * 32, 2
    def embed(self, images, boxes=None):
        if any(image.width > 50 for image in images):
            print("embedding", file=sys.stderr, flush=True)
            time.sleep(1)
            while not Path(os.environ.get("GATE", "/")).exists():
                time.sleep(0.01)
        return np.tile(np.float32([[1, 0]]), (len(images), 1))

def load(settings):
    if settings.catalogue.name == "broken.db":
        raise FlukeprintError("the catalogue is broken")
    vectors, fingerprint = np.float32([[1, 0]]), "f1" * 32
    gallery = Gallery.build(["a.jpg"], ["w_1"], vectors, fingerprint=fingerprint, revision=1)
    known = Trials(np.zeros((0, 1)), np.zeros(0, np.int64))
    return Serving(Identifier(OneWhale(), gallery, fit_trials(known, np.ones(1))), {})

folder = tempfile.TemporaryDirectory()
atexit.register(folder.cleanup)
open_access = running.open_access

def access(settings):
    if settings.catalogue.exists():
        return open_access(settings)
    Catalogue.open(Path(folder.name, "catalogue.db"), create=True).close()
    return open_access(settings.model_copy(update={"catalogue": Path(folder.name, "catalogue.db")}))

running.check_catalogue = lambda settings: None
running.load_serving, running.open_access = load, access
options = dict(pair.split("=") for pair in sys.argv[1:])
try:
    running.run(read_settings(options))
except FlukeprintError as error:
    sys.exit(f"error: {error}")
print("the end", flush=True)
"""


class Running:
    """The server's process, its URL, and what it said on stderr line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.process = process
        self.url = process.stdout.readline().strip()
        self.said: list[str] = []

    def hear(self, words: str) -> None:
        """Read stderr up to the line that has these words."""
        while words not in (line := self.process.stderr.readline()):
            assert line, f"it ended without saying {words!r}: {self.said}"
            self.said.append(line)
        self.said.append(line)

    def stop(self, number: signal.Signals) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, said = self.process.communicate(timeout=60)
        return self.process.returncode, out, "".join(self.said) + said


@contextmanager
def _started(*options: str, **variables: str) -> Generator[Running]:
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, "port=0", *options],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Running(process)
        finally:
            process.kill()


def _png(photo: Callable[..., bytes], width: int = 8) -> list[tuple[str, tuple[str, io.BytesIO]]]:
    return [("photos", ("fluke.png", io.BytesIO(photo(0, (width, 8)))))]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_on_a_free_port_and_ends_cleanly(
    number: signal.Signals, photo: Callable[..., bytes]
) -> None:
    with _started() as running:
        running.hear("ready at")
        assert running.url.startswith("http://127.0.0.1:")
        answer = httpx.post(
            f"{running.url}/v1/identify", files=_png(photo), trust_env=False, timeout=60
        )
        assert answer.json()["results"][0]["matches"][0]["individual"] == "w_1"
        code, out, said = running.stop(number)
    assert (code, out) == (0, "the end\n"), said
    assert "revision 1: 1 individuals, 1 photos, checkpoint f1f1f1f1f1f1" in said
    assert f"{running.url}/docs" in said
    assert "POST /v1/identify 200" in said
    assert "Traceback" not in said


def test_a_running_request_is_finished_before_the_end(photo: Callable[..., bytes]) -> None:
    with _started() as running:
        running.hear("ready at")
        answers: list[httpx.Response] = []

        def ask() -> None:
            answers.append(
                httpx.post(
                    f"{running.url}/v1/identify", files=_png(photo, 60), trust_env=False, timeout=60
                )
            )

        asking = threading.Thread(target=ask)
        asking.start()
        running.hear("embedding")
        code, _, said = running.stop(signal.SIGTERM)
        asking.join(30)
    assert (code, answers[0].status_code) == (0, 200), said


def test_all_that_was_taken_in_is_answered_before_the_end(
    photo: Callable[..., bytes], tmp_path: Path
) -> None:
    with (
        _started("max_batch=1", GATE=str(tmp_path / "open")) as running,
        ThreadPoolExecutor(3) as pool,
    ):
        running.hear("ready at")

        def ask() -> int:
            url = f"{running.url}/v1/identify"
            return httpx.post(url, files=_png(photo, 60), trust_env=False, timeout=60).status_code

        asked = [pool.submit(ask) for _ in range(3)]
        while (
            "flukeprint_waiting_photos 3.0"
            not in httpx.get(f"{running.url}/metrics", trust_env=False, timeout=60).text
        ):
            pass
        running.process.send_signal(signal.SIGTERM)
        (tmp_path / "open").touch()
        assert [answer.result() for answer in asked] == [200, 200, 200]
        _, said = running.process.communicate(timeout=60)
    assert running.process.returncode == 0, said


def test_too_large_an_upload_is_answered_by_a_real_server(photo: Callable[..., bytes]) -> None:
    with _started("max_upload_bytes=100000") as running:
        running.hear("ready at")
        files = [("photos", ("large.png", io.BytesIO(b"x" * 5_000_000)))]
        response = httpx.post(
            f"{running.url}/v1/identify", files=files, trust_env=False, timeout=60
        )
        assert (response.status_code, response.json()["title"]) == (413, "The upload is too large")


def test_a_load_that_fails_ends_the_server_with_its_error() -> None:
    with _started("catalogue=broken.db") as running:
        _, said = running.process.communicate(timeout=60)
    assert running.process.returncode == 1
    assert said.rstrip().endswith("error: the catalogue is broken")
    assert running.url == "", "an address is printed only where it answers"


@pytest.mark.parametrize("is_revoked", [False, True])
def test_where_others_may_reach_it_nothing_is_served_without_a_key(
    tmp_path: Path, is_revoked: bool
) -> None:
    catalogue = tmp_path / "catalogue.db"
    with Catalogue.open(catalogue, create=True) as opened:
        if is_revoked:
            Keys(opened.engine).create("Ana", "admin")
            Keys(opened.engine).revoke("Ana")
    with _started("host=0.0.0.0", f"catalogue={catalogue}") as running:
        _, said = running.process.communicate(timeout=60)
    assert running.process.returncode == 1
    assert "error: other machines may reach 0.0.0.0, and there is no account and no key" in said
    assert f"`flukeprint accounts invite --role admin --catalogue {catalogue}`" in said
    assert f"`flukeprint keys create --name NAME --role admin --catalogue {catalogue}`" in said


def test_where_others_may_reach_it_an_invited_admin_is_enough(tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.db"
    with Catalogue.open(catalogue, create=True) as opened:
        Invitations(opened.engine).invite("admin", made_by="local")
    with _started("host=0.0.0.0", f"catalogue={catalogue}") as running:
        running.hear("ready at")
        url = f"{running.url}/v1/stats"
        assert httpx.get(url, trust_env=False, timeout=60).status_code == 401


def test_where_others_may_reach_it_a_key_is_asked_for_and_never_logged(
    photo: Callable[..., bytes], tmp_path: Path
) -> None:
    catalogue = tmp_path / "catalogue.db"
    with Catalogue.open(catalogue, create=True) as opened:
        secret = Keys(opened.engine).create("Ana", "read").secret
    with _started("host=0.0.0.0", f"catalogue={catalogue}", "log_format=json") as running:
        running.hear("ready at")
        url = f"{running.url}/v1/identify"
        assert running.url.startswith("http://127.0.0.1:")
        assert httpx.post(url, files=_png(photo), trust_env=False, timeout=60).status_code == 401
        headers = {"Authorization": f"Bearer {secret}"}
        assert (
            httpx.post(
                url, files=_png(photo), headers=headers, trust_env=False, timeout=60
            ).status_code
            == 200
        )
        code, _, said = running.stop(signal.SIGTERM)
    assert code == 0, said
    assert "put a TLS proxy in front" in said
    assert secret.split("_", 2)[2] not in said
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    requests = [
        (line["status"], line["key"]) for line in lines if line.get("route") == "/v1/identify"
    ]
    assert requests == [(401, None), (200, "Ana")]


def test_a_taken_port_is_named() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"port {port} on 127\.0\.0\.1 is taken.*--port 0"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "says"),
    [("no such host", "is no address"), ("192.0.2.1", "no address of this machine")],
)
def test_an_address_that_is_not_ours(host: str, says: str) -> None:
    with pytest.raises(CannotListen, match=says):
        listen(host, 0)


def test_the_url_of_an_ipv6_address_has_brackets() -> None:
    try:
        listening = listen("::1", 0)
    except CannotListen:
        pytest.skip("this machine has no IPv6 loopback")
    with listening:
        assert url_of(listening) == f"http://[::1]:{listening.getsockname()[1]}"
