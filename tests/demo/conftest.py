"""A stand-in for the other flukeprint that the demo starts: it knows one whale, and starts in no
time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

STUB = """
import email, email.policy, json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

arguments = sys.argv[1:]
given = dict(zip(arguments, arguments[1:]))
catalogue = Path(given["--catalogue"])
if arguments[:2] == ["index", "build"]:
    assert Path(given["--csv"]).is_file() and Path(given["--photos"]).is_dir()
    if given.get("--checkpoint") == "broken":
        sys.exit("the checkpoint is broken")
    catalogue.write_text("drawn")
    sys.exit(0)
assert arguments[0] == "serve" and given["--host"] == "127.0.0.1"
if not catalogue.exists():
    sys.exit(f"there is no catalogue at {catalogue.name}")
Path(catalogue.parent / "serve.pid").write_text(str(os.getpid()))
looked = 0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        global looked
        looked += 1
        self.reply(200 if looked > 2 and self.path == "/readyz" else 503, {})

    def do_POST(self):
        head = f"Content-Type: {self.headers['Content-Type']}\\r\\n\\r\\n".encode()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = {}
        for part in email.message_from_bytes(head + body, policy=email.policy.default).iter_parts():
            form[part.get_param("name", header="content-disposition")] = part
        photo = form["photos"]
        if not photo.get_content().startswith(b"\\xff\\xd8"):
            return self.reply(422, {"detail": f"{photo.get_filename()} is not a photo"})
        match = {"rank": 1, "individual": "w_drawn_00", "distance": 0.2, "probability": 0.9}
        match["photo"] = "w_drawn_00_1.jpg"
        matches = [match] * int(form["k"].get_content())
        result = {"photo": photo.get_filename(), "decision": "known", "probability": 0.9}
        result["matches"] = matches
        self.reply(200, {"results": [result]})

    def reply(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


HTTPServer(("127.0.0.1", int(given["--port"])), Handler).serve_forever()
"""


@pytest.fixture
def stub(tmp_path: Path) -> list[str]:
    """The command line of the stand-in."""
    script = tmp_path / "stub.py"
    script.write_text(STUB, encoding="utf-8")
    return [sys.executable, str(script)]


@pytest.fixture
def stubbed(stub: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the demo start the stand-in."""
    monkeypatch.setattr("demo.serving.flukeprint", lambda *arguments: [*stub, *arguments])
