"""How fast each screen answers when a catalogue has 20,000 photos, of which 5,000 wait.

    python tests/bench/screens.py [--photos 20000] [--waiting 5000] [--folder FOLDER] [--json FILE]

The catalogue is written row by row: drawn vectors as tests/bench/growth.py makes them, 64 drawn
photo files that all photos share, encounters of three photos with times and coordinates, and a
history of 8 photos an act. It is served by `flukeprint serve` with the shipped checkpoint. Once all
cards are compared, each screen is opened in headless Chromium: the whole page anew, and by a link
within it. The time is that until the screen's list stands and nothing is being loaded. Each GET
that the screens ask for is then sent alone: several times, and each time after a card was confirmed
(with --acts), when what was derived from the catalogue is made again. Photos load later and aren't
timed. Beside wall time stands the CPU time of the whole service meanwhile, which other work on the
machine hardly changes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import numpy as np
from growth import DIMENSION, Vectors
from playwright.sync_api import Page, TimeoutError, sync_playwright
from sqlalchemy import insert

from demo.anatomy import Individual
from demo.photograph import photograph
from demo.serving import free_port, serve_catalogue
from embedding.checkpoint import DEFAULT_CHECKPOINT, fingerprint_of
from embedding.photos.photo import content_hash, save_jpeg
from index.calibration.fitting import calibrate
from index.catalogue.catalogue import Catalogue
from index.storage.checksums import vector_checksum
from index.storage.schema import (
    CalibrationRow,
    ChangeRow,
    EncounterRow,
    IndividualRow,
    PhotoRow,
    RevisionRow,
    Table,
    VectorRow,
    writing,
)

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync")
TIMES = 5
_SETTLE_SECONDS = 2
_EACH = 10  # photos of an individual, in the catalogue and waiting
_ACT = 8  # photos of one event
_FILES = 64
_START = datetime(2026, 5, 1, 8, 0)
# Each screen, and what stands on it when its list is drawn.
SCREENS = {
    "review": ".comparison",
    "queue": ".card-row",
    "individuals": ".cards li",
    "individuals/w_000003": ".sightings tr, .timeline, .own-photos img, .years",
    "unknowns": ".cluster, .empty",
    "lists/pairs": ".pair, .empty",
    "reports": ".report-kind",
    "history": ".changes li",
    "calibration": ".charts svg",
    "jobs": ".jobs li, .empty",
    "exchange": ".jobs li, .empty",
    "accounts": ".empty, .accounts li, table",
    "keys": ".empty, table",
    "start": "h1",
}
# What a screen asks for when a person filters, sorts, searches or scrolls on.
MORE = (
    "/v1/queue/encounters?decision=known&sort=probability&descending=true&limit=40",
    "/v1/queue/encounters?region=gulf&sort=quality&descending=true&limit=40",
    "/v1/queue/encounters?decision=known&limit=200",
    "/v1/individuals?search=w_0012&limit=30",
    "/v1/individuals?search=gulf&limit=30",
    "/v1/individuals/next-id",
    "/v1/changes?kind=confirm",
    "/v1/queue?limit=50",
    "/v1/encounters?limit=50",
    "/v1/catalogue/photos?limit=50",
)
_DRAWN = """selector => {
  const busy = document.querySelector('main [aria-busy=true], main .busy');
  return !busy && document.querySelector('main ' + selector.split(', ').join(', main ')) !== null
    ? performance.now() : false;
}"""


class Timed(NamedTuple):
    """Seconds of one thing, several times, and the service's CPU seconds meanwhile."""

    name: str
    seconds: Sequence[float]
    cpu: Sequence[float] = ()

    @property
    def p50(self) -> float:
        """Half of them were faster."""
        return statistics.median(self.seconds)

    @property
    def slowest(self) -> float:
        """The longest."""
        return max(self.seconds)

    @property
    def row(self) -> str:
        """A line of a table, in milliseconds."""
        cells = [self.p50, self.slowest]
        if self.cpu:
            cells += [statistics.median(self.cpu), max(self.cpu)]
        return f"| {self.name} | " + " | ".join(f"{1000 * cell:.0f}" for cell in cells) + " |"


class Cpu:
    """The CPU time of the service that listens on a port."""

    def __init__(self, port: int) -> None:
        inodes = {
            line.split()[9]
            for table in ("tcp", "tcp6")
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
            if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
        }
        self._tasks = next(
            process / "task"
            for process in Path("/proc").glob("[0-9]*")
            for link in _links(process / "fd")
            if link.removeprefix("socket:[").removesuffix("]") in inodes
        )

    def seconds(self) -> float:
        """How long its threads have computed so far."""
        spent = (Path(task / "schedstat").read_text() for task in self._tasks.iterdir())
        return sum(int(line.split()[0]) for line in spent) / 1e9


def _links(folder: Path) -> Iterator[str]:
    try:
        for each in folder.iterdir():
            with contextlib.suppress(OSError):
                yield str(each.readlink())
    except OSError:
        return


def fill(file: Path, photos: int, waiting: int) -> None:
    """Write a catalogue whose last `waiting` photos wait; a half of them are of known animals."""
    rng, vectors = np.random.default_rng(22), Vectors([])
    known = photos - waiting
    individuals = -(-known // _EACH)
    files = _draw(file.parent / "photos")
    # A block has ten vectors of each animal; every other animal that waits is a known one.
    rows = vectors.block(individuals)[:known]
    met_again = rng.integers(0, individuals, -(-waiting // 6))
    again = np.repeat(rows[met_again * _EACH], 3, axis=0)
    live = (again != 0).sum(axis=1, keepdims=True)
    again = again + (again != 0) * rng.normal(size=again.shape) * 0.4 / np.sqrt(live)
    again = (again / np.linalg.norm(again, axis=1, keepdims=True)).astype(np.float32)
    strangers = vectors.block(-(-waiting // 6))
    strangers = strangers.reshape(-1, _EACH, DIMENSION)[:, :3].reshape(-1, DIMENSION)
    pairs = zip(again.reshape(-1, 3, DIMENSION), strangers.reshape(-1, 3, DIMENSION), strict=True)
    queued = np.concatenate([one for pair in pairs for one in pair])[:waiting]
    fingerprint = fingerprint_of(DEFAULT_CHECKPOINT)
    with (
        Catalogue.open(file, create=True) as catalogue,
        writing(catalogue.engine.connect()) as connection,
        connection.begin(),
    ):

        def put(table: type[Table], values: Iterator[dict[str, Any]]) -> None:
            connection.execute(insert(table), list(values))

        put(IndividualRow, (_individual(at) for at in range(individuals)))
        put(EncounterRow, (_encounter(at, known) for at in range(-(-photos // 3))))
        put(PhotoRow, (_photo(at, known, files) for at in range(photos)))
        everything = np.concatenate([rows, queued])
        put(VectorRow, (_vector(at, row, fingerprint) for at, row in enumerate(everything)))
        put(RevisionRow, (_event(at, known, fingerprint) for at in range(-(-photos // _ACT))))
        put(ChangeRow, (_change(at, known) for at in range(photos)))
        some = slice(0, 1000)
        whose = [f"w_{at // _EACH:06}" for at in range(known)]
        calibration = calibrate(rows[some], whose[some]).to_json()
        last = -(-photos // _ACT)
        put(CalibrationRow, iter([{"revision": last, "calibration": calibration}]))


def _draw(folder: Path) -> list[tuple[str, str, int]]:
    """Draw the files: each one's name, content hash and bytes."""
    folder.mkdir(parents=True)
    drawn: list[tuple[str, str, int]] = []
    for at in range(_FILES):
        path = folder / f"{at:02}.jpg"
        save_jpeg(photograph(Individual.from_seed(at), np.random.default_rng(at)), path)
        data = path.read_bytes()
        drawn.append((f"photos/{path.name}", content_hash(data), len(data)))
    return drawn


def _individual(at: int) -> dict[str, Any]:
    other = [f"GOM-{at:04}"] if at % 3 == 0 else None
    species = "humpback_whale" if at % 5 else "southern_right_whale"
    return {"id": 1 + at, "name": f"w_{at:06}", "species": species, "other_names": other}


def _taken_at(at: int) -> datetime:
    """Encounters are half an hour apart, on twelve hours of a day."""
    half_hours, photo = divmod(at, 3)
    days, half_hour = divmod(half_hours, 24)
    return _START - timedelta(days=days, minutes=-30 * half_hour - photo)


def _encounter(at: int, known: int) -> dict[str, Any]:
    first = _taken_at(3 * at)
    latitude, longitude = 42 + at % 100 / 100, -70 + at % 37 / 100
    return {
        "id": 1 + at,
        "name": f"{first:%Y-%m-%d %H:%M}",
        "individual_id": 1 + 3 * at // _EACH if 3 * at < known else None,
        "at": first.isoformat(),
        "region": ("Gulf of Maine", "Nova Scotia", "Svalbard")[at % 3],
        "place": f"{latitude:.2f}, {longitude:.2f}",
    }


def _photo(at: int, known: int, files: Sequence[tuple[str, str, int]]) -> dict[str, Any]:
    path, hashed, size = files[at % len(files)]
    is_known = at < known
    return {
        "id": 1 + at,
        "name": f"{'seen' if is_known else 'new'}/{at:06}.jpg",
        "path": path,
        "content_hash": hashed,
        "size_bytes": size,
        "individual_id": 1 + at // _EACH if is_known else None,
        "encounter_id": 1 + at // 3,
        "taken_at": _taken_at(at).isoformat(),
        "state": "catalogued" if is_known else "waiting",
        "answer": None if is_known else _answer(at),
    }


def _answer(at: int) -> dict[str, Any]:
    """As much as a photo's answer holds."""
    matches = [
        {
            "rank": rank,
            "individual": f"w_{(at * 31 + rank) % 1000:06}",
            "distance": 0.2 + rank / 10,
            "probability": 0.6 / rank,
            "photo": f"seen/{at:06}.jpg",
            "photo_url": f"/v1/photos/seen/{at:06}.jpg?content={'9e1a' * 16}",
        }
        for rank in range(1, 6)
    ]
    return {
        "photo": f"new/{at:06}.jpg",
        "decision": "review",
        "probability": 0.6,
        "reason": "w_000001 (distance 0.300; known up to 0.200). " * 2,
        "thresholds": {"known": 0.2, "new_whale": 0.5},
        "quality": {"score": 0.2 + at % 7 / 10, "faults": []},
        "quarter_turns": 0,
        "matches": matches,
        "box": [10, 10, 500, 300],
        "photo_taken_at": _taken_at(at).isoformat(),
        "camera": "5e" * 8,
        "revision": 1,
        "fingerprint": "b" * 64,
        "upload": f"upload {at // 1000}",
    }


def _vector(at: int, row: Any, fingerprint: str) -> dict[str, Any]:
    data = row.tobytes()
    return {
        "photo_id": 1 + at,
        "fingerprint": fingerprint,
        "dimension": DIMENSION,
        "embedding": data,
        "checksum": vector_checksum(1 + at, fingerprint, data),
    }


def _event(at: int, known: int, fingerprint: str) -> dict[str, Any]:
    is_known = at * _ACT < known
    return {
        "revision": 1 + at,
        "at": (_START + timedelta(seconds=at)).isoformat() + "Z",
        "fingerprint": fingerprint,
        "kind": "confirm" if is_known else "take in",
        "made_by": ("ada", "ben")[at % 2],
        "detail": {"photos": _ACT},
    }


def _change(at: int, known: int) -> dict[str, Any]:
    is_known = at < known
    return {
        "revision": 1 + at // _ACT,
        "kind": "confirm" if is_known else "add",
        "photo": f"{'seen' if is_known else 'new'}/{at:06}.jpg",
        "detail": {"before": {}, "after": {"individual": f"w_{at // _EACH:06}"}, "rows": []},
    }


def wait_until_compared(client: httpx.Client) -> float:
    """Wait until every card is compared; how long that took."""
    started = time.perf_counter()
    while True:
        page = client.get("/v1/queue/encounters", params={"limit": 1}).json()
        if page["compared"] == page["waiting"]:
            return time.perf_counter() - started
        time.sleep(1)


def open_screens(url: str, asked: dict[str, list[str]]) -> Iterator[tuple[Timed, Timed]]:
    """Open each screen, from nothing and from another one; note in `asked` what it asks for."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        for screen, drawn in SCREENS.items():
            print(screen, file=sys.stderr, flush=True)
            with contextlib.suppress(TimeoutError):
                _open(page, f"{url}/#/{screen}", drawn)  # makes what is derived once
            whole = [_open(page, f"{url}/#/{screen}", drawn) for _ in range(TIMES)]
            asked[screen] = _asked(page)
            within = [_go(page, screen, drawn) for _ in range(TIMES)]
            yield Timed(screen, whole), Timed(screen, within)
        browser.close()


def _open(page: Page, address: str, drawn: str) -> float:
    page.goto("about:blank")
    page.goto(address)
    return page.wait_for_function(_DRAWN, arg=drawn, timeout=60_000).json_value() / 1000


def _go(page: Page, screen: str, drawn: str) -> float:
    """Come from a screen that asks for nothing; where that is this one, the other is `keys`."""
    page.evaluate("location.hash = '#/invitation/none'")
    page.wait_for_timeout(300)
    started = page.evaluate(
        "to => { const at = performance.now(); location.hash = to; return at; }", f"#/{screen}"
    )
    page.wait_for_function(
        f"() => location.hash === '#/{screen}'", timeout=60_000
    )  # and the screen before is left
    at = page.wait_for_function(_DRAWN, arg=drawn, timeout=60_000).json_value()
    return (at - started) / 1000


def _asked(page: Page) -> list[str]:
    """The GETs of the page for data, without photos."""
    page.wait_for_timeout(500)
    found: list[str] = page.evaluate(
        "performance.getEntriesByType('resource').map((one) => one.name)"
    )
    paths = [urlsplit(one)._replace(scheme="", netloc="").geturl() for one in found]
    return [one for one in dict.fromkeys(paths) if one.startswith("/v1/") and not _is_photo(one)]


def _is_photo(path: str) -> bool:
    return path.startswith(("/v1/photos/", "/v1/thumbnails/"))


def time_get(client: httpx.Client, path: str, cpu: Cpu, acts: int = 0) -> Timed:
    """Send one GET several times; with `acts` a card is confirmed before each of so many."""
    client.get(path)
    seconds: list[float] = []
    spent: list[float] = []
    for _ in range(acts or TIMES):
        if acts:
            _confirm_one(client)
        before, started = cpu.seconds(), time.perf_counter()
        answer = client.get(path)
        seconds.append(time.perf_counter() - started)
        spent.append(cpu.seconds() - before)
        if answer.status_code >= 500:
            print(path, answer.text, file=sys.stderr)
    return Timed(path, seconds, spent)


def _confirm_one(client: httpx.Client) -> None:
    page = client.get("/v1/queue/encounters", params={"limit": 1}).json()
    card = page["encounters"][0]
    sent = client.post(
        f"/v1/queue/encounters/{card['key']}/confirm", json={"individual": card["individual"]}
    )
    sent.raise_for_status()
    # What follows an act in the background, such as the calibration, is not what is timed.
    time.sleep(_SETTLE_SECONDS)


def _print(title: str, rows: Sequence[Timed]) -> None:
    more = ("CPU p50, ms", "CPU longest, ms") if rows and rows[0].cpu else ()
    heads = (title, "p50, ms", "longest, ms", *more)
    print(f"\n| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    print("\n".join(row.row for row in rows))


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--waiting", type=int, default=5_000)
    parser.add_argument("--folder", type=Path, help="keeps the catalogue for the next run")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--acts", type=int, default=2, help="cards confirmed before each GET's")
    parser.add_argument("--only-get", nargs="*", help="time these GETs, and open no screen")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="screens"))
    catalogue = folder / "catalogue.db"
    if not catalogue.exists():
        fill(catalogue, given.photos, given.waiting)
    os.environ["FLUKEPRINT_REQUESTS_PER_MINUTE"] = "0"
    asked: dict[str, list[str]] = {}
    with (
        serve_catalogue(catalogue, free_port(), folder / "service.log") as url,
        httpx.Client(base_url=url, timeout=120, trust_env=False) as client,
    ):
        cpu = Cpu(urlsplit(url).port or 0)
        before = cpu.seconds()
        waited = wait_until_compared(client)
        print(f"all cards compared after {waited:.0f} s, {cpu.seconds() - before:.1f} of CPU")
        opened = [] if given.only_get is not None else list(open_screens(url, asked))
        shown = [one for each in asked.values() for one in each]
        paths = dict.fromkeys(given.only_get or [*shown, *MORE])
        gets = [time_get(client, path, cpu) for path in paths]
        after = [time_get(client, path, cpu, given.acts) for path in paths if given.acts]
    _print("screen, the whole page", [whole for whole, _ in opened])
    _print("screen, by a link", [within for _, within in opened])
    _print("GET", gets)
    _print("GET after an act", after)
    if given.json:
        found = {"get": gets, "after": after, "opened": opened, "asked": asked}
        given.json.write_text(json.dumps(found, indent=1))
    if given.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
