"""A small load generator: raw HTTP over loopback sockets, photos in turn, one process.

    python -m tests.bench.peers.load PORT PATH FIELD CLIENTS SECONDS PHOTOS

Prints a JSON line: requests, their seconds, the CPU seconds of this process, and each photo's first
answer. Requests are made beforehand and sent as they are, so that a request costs this process
little; httpx would take as much of a core as a fluke's networks.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

_BOUNDARY = "photo-boundary-of-the-load"


def request_of(photo: Path, path: str, field: str) -> bytes:
    """A whole request that posts a photo as a form."""
    head = (
        f"--{_BOUNDARY}\r\nContent-Disposition: form-data; "
        f'name="{field}"; filename="{photo.name}"\r\nContent-Type: image/jpeg\r\n\r\n'
    )
    body = head.encode() + photo.read_bytes() + f"\r\n--{_BOUNDARY}--\r\n".encode()
    lines = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n\r\n"
    )
    return lines.encode() + body


async def answered(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> bytes:
    """Send a request and read its answer's body."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n", 1)[0], head
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    return await reader.readexactly(length)


async def load(port: int, requests: list[bytes], clients: int, seconds: float) -> dict[str, object]:
    """Let clients ask one request after the other, each from another photo on."""
    took: list[float] = []
    answers: dict[int, bytes] = {}
    ends = time.perf_counter() + seconds

    async def client(at: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < ends:
            photo, started = at % len(requests), time.perf_counter()
            answers[photo] = await answered(reader, writer, requests[photo])
            took.append(time.perf_counter() - started)
            at += 1
        writer.close()

    started, cpu = time.perf_counter(), time.process_time()
    step = max(1, len(requests) // clients)
    await asyncio.gather(*(client(step * at) for at in range(clients)))
    return {
        "count": len(took),
        "wall": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "took": took,
        "first": {at: _first(json.loads(body)) for at, body in answers.items()},
    }


def _first(answer: dict[str, object]) -> str:
    """The best individual, of either service's answer."""
    found = answer["results"][0]["matches"] if "results" in answer else answer["matches"]  # type: ignore[index]
    return str(found[0]["individual"])  # type: ignore[index]


def main() -> None:
    port, path, field, clients, seconds, folder = sys.argv[1:]
    photos = sorted(each for each in Path(folder).iterdir() if each.is_file())
    requests = [request_of(photo, path, field) for photo in photos]
    print(json.dumps(asyncio.run(load(int(port), requests, int(clients), float(seconds)))))


if __name__ == "__main__":
    main()
