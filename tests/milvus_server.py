"""A throw-away Milvus server on this machine, for tests and for the measurements of engines."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_START_SECONDS = 120.0
_TOOLS = Path(__file__).resolve().parents[1] / ".tools"


class NoMilvus(Exception):
    """No Milvus server can be started here; the message says what to install."""


class MilvusProcess:
    """The standalone server of the wheel `milvus`, in a folder of its own. Reaches no network.

    It can be started, killed and stopped. Raises NoMilvus where the wheel isn't installed.
    """

    def __init__(self) -> None:
        absent = [one for one in ("milvus", "pymilvus") if importlib.util.find_spec(one) is None]
        if absent:
            raise NoMilvus(
                f"no Milvus is installed (pip install -c constraints.txt {' '.join(absent)})"
            )
        self._wheel: Any = importlib.import_module("milvus")
        self._programs = _unpacked(self._wheel)
        self.folder = Path(tempfile.mkdtemp(prefix="flukeprint-milvus-"))
        self._config: Any = self._wheel.MilvusServerConfig(data_dir=str(self.folder))
        self._config.set("system_log_level", "error")
        self._process: subprocess.Popen[bytes] | None = None
        ports = [name for name in self._config.configurable_items if name.endswith("_port")]
        self.port, self._metrics, etcd, peers, *others = _free_ports(len(ports) + 3)
        ports.remove("proxy_port")
        for name, port in zip(["proxy_port", *ports], [self.port, *others], strict=True):
            self._config.set(name, port)
        self._config.resolve()
        self._move_etcd(etcd, peers)

    def _move_etcd(self, port: int, peers: int) -> None:
        """Have the server's own etcd listen elsewhere: two servers would want the same ports."""
        clients, others = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peers}"
        own = self.folder / "configs" / "etcd.yaml"
        own.write_text(
            f"listen-client-urls: {clients}\nadvertise-client-urls: {clients}\n"
            f"listen-peer-urls: {others}\ninitial-advertise-peer-urls: {others}\n"
            f"initial-cluster: default={others}\n"
        )
        whole = self.folder / "configs" / "milvus.yaml"
        text = whole.read_text()
        assert "  use:\n    embed: true" in text
        whole.write_text(
            text.replace("  use:\n    embed", f"  config:\n    path: {own}\n  use:\n    embed", 1)
        )

    @property
    def engine(self) -> str:
        """The engine's name."""
        return f"milvus://127.0.0.1:{self.port}"

    @property
    def process_id(self) -> int:
        """Of the server that was started last."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "logs" / "out").open("wb") as out:
            self._process = subprocess.Popen(
                [str(self._programs / "milvus"), "run", "standalone"],
                cwd=self.folder,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(self.folder),
                    "LD_LIBRARY_PATH": str(self._programs),
                    "DEPLOY_MODE": "STANDALONE",
                    "METRICS_PORT": str(self._metrics),
                    "MILVUS_RUN_DIR": str(self.folder / "run"),
                },
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_healthy():
            assert self._process.poll() is None, (self.folder / "logs" / "out").read_text()[-2000:]
            assert time.monotonic() < deadline, "Milvus doesn't start"
            time.sleep(0.1)

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics}/healthz") as answer:
                return b"OK" in answer.read()
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """End it as a machine that runs out of memory may."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """End it and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens at."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _unpacked(wheel: Any) -> Path:
    """The server's programs, which the wheel has compressed: half a minute of one core, once."""
    folder = _TOOLS / f"milvus-{wheel.__version__}"
    if not folder.is_dir():
        _TOOLS.mkdir(exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix="milvus-", dir=_TOOLS))
        wheel._initialize_data_files(str(unfinished))
        with contextlib.suppress(OSError):  # another process was quicker
            (unfinished / "bin").rename(folder)
        shutil.rmtree(unfinished)
    return folder


@contextmanager
def running_milvus() -> Generator[MilvusProcess]:
    """Start a Milvus server and stop it at the end. Raises NoMilvus."""
    server = MilvusProcess()
    try:
        server.start()
        yield server
    finally:
        server.stop()
