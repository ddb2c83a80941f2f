"""How requests look on the wire, and which addresses and keys are none."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from client import Client
from client.errors import BadServer, CannotSend, ServiceUnreachable


def wire(
    call: Callable[[Client], object], answer: Any = None, server: str = "https://flukes.test/below/"
) -> httpx.Request:
    """What goes out when a client does something; the answer is one that nobody can read."""
    requests: list[httpx.Request] = []

    def play(request: httpx.Request) -> httpx.Response:
        request.read()
        requests.append(request)
        return httpx.Response(200, json=answer)

    with (
        Client(server, transport=httpx.MockTransport(play)) as client,
        pytest.raises(Exception, match="the answer"),
    ):
        call(client)
    return requests[0]


def test_a_name_stays_one_name_in_a_path() -> None:
    assert (
        wire(lambda client: client.rename("s/30?#ä", "x")).url.raw_path
        == b"/below/v1/individuals/s/30%3F%23%C3%A4/rename"
    )
    query = wire(lambda client: next(client.photos(individual="a&b", page_rows=7))).url
    assert query.raw_path == b"/below/v1/catalogue/photos?individual=a%26b&limit=7"


def test_a_form_has_the_values_given_and_nothing_else() -> None:
    def identify(client: Client) -> object:
        return client.identify(
            [("a.jpg", b"1"), ("b.jpg", b"2")], encounter=True, species=["fin", "blue"], k=3
        )

    request = wire(identify)
    parts = request.content.decode().split(
        request.headers["content-type"].partition("boundary=")[2]
    )
    fields = [
        part.partition("name=")[2].partition("\r\n--")[0] for part in parts if "name=" in part
    ]
    assert [one.replace("\r\n", "|") for one in fields] == [
        '"k"||3',
        '"encounter"||true',
        '"species"||fin',
        '"species"||blue',
        '"photos"; filename="a.jpg"|Content-Type: image/jpeg||1',
        '"photos"; filename="b.jpg"|Content-Type: image/jpeg||2',
    ]


def test_an_archive_goes_out_from_its_path_or_an_open_file(tmp_path: Path) -> None:
    path = tmp_path / "may.zip"
    path.write_bytes(b"PK-may")
    for archive in (path, str(path), ("may.zip", io.BytesIO(b"PK-may"))):
        content = wire(
            lambda client, archive=archive: client.start_job("identify", {"k": 3}, archive=archive)
        ).content
        assert b'filename="may.zip"' in content and b"PK-may" in content and b'{"k": 3}' in content


def test_the_key_of_the_environment_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUKEPRINT_API_KEY", " fp_1_secret\n")
    assert wire(lambda client: client.stats()).headers["authorization"] == "Bearer fp_1_secret"
    monkeypatch.delenv("FLUKEPRINT_API_KEY")
    assert "authorization" not in wire(lambda client: client.stats()).headers
    with pytest.raises(CannotSend, match="holds a blank"):
        Client("http://127.0.0.1:8000", "fp 1")


@pytest.mark.parametrize(
    "server", ["127.0.0.1:8000", "flukes", "ftp://flukes.test", "http://", "http://a:port"]
)
def test_what_is_no_address_is_refused(server: str) -> None:
    with pytest.raises(BadServer, match=r"such as http://127\.0\.0\.1:8000"):
        Client(server)


@pytest.mark.parametrize(
    ("photos", "message"),
    [
        ([], "there is no photo to send"),
        ("absent.jpg", "absent.jpg: can't be read"),
        (io.StringIO("text"), "photo 1: is str; give a path, bytes"),
    ],
)
def test_what_cannot_be_sent_is_refused(photos: Any, message: str) -> None:
    with Client("http://flukes.test") as client, pytest.raises(CannotSend, match=message):
        client.identify(photos)
    with (
        Client("http://flukes.test") as client,
        pytest.raises(CannotSend, match="there is no such file"),
    ):
        client.start_job("identify", archive="absent.zip")


def test_a_result_that_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"half"
        raise httpx.RemoteProtocolError("the peer has closed the connection")

    def play(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=breaking())

    path = tmp_path / "may.csv"
    path.write_text("of yesterday")
    client = Client("http://flukes.test", transport=httpx.MockTransport(play))
    with client, pytest.raises(ServiceUnreachable):
        client.save_job_result(1, path)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [
        ("may.csv", "of yesterday")
    ]
