"""A real S3 server on this machine's own address: moto's, in a process of its own."""

from __future__ import annotations

import importlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

import httpx
import pytest

needs_s3 = pytest.mark.skipif(
    any(importlib.util.find_spec(each) is None for each in ("s3fs", "moto")),
    reason="needs s3fs (the extra s3) and moto (dev)",
)
_SETTINGS = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@contextmanager
def running_s3(bucket: str) -> Generator[dict[str, str]]:
    """Start a server with one bucket; gives the variables by which its clients find it."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, **_SETTINGS},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(url, process)
        # fsspec keeps its connections, to the server of an earlier test too.
        importlib.import_module("s3fs").S3FileSystem.clear_instance_cache()
        httpx.put(f"{url}/{bucket}", trust_env=False).raise_for_status()
        yield {**_SETTINGS, "AWS_ENDPOINT_URL": url}
    finally:
        process.kill()
        process.wait()


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while True:
        assert process.poll() is None and time.monotonic() < deadline, "no server came up"
        try:
            httpx.get(url, trust_env=False)
        except httpx.ConnectError:
            time.sleep(0.1)
        else:
            return
