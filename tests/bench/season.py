"""A season worked through in a real browser: key presses, clicks, minutes and wrong identities.

    python tests/bench/season.py [--count 1000] [--animals 150] [--encounters 300]
        [--labels CSV --photos FOLDER] [--keep FOLDER] [--json FILE]

Photos are drawn, or real ones are taken from a table: animals with six photos and more, in
encounters of three at most. They go from an empty folder to the end of the review, twice in the
same run:

- one by one: without times, so that each photo is a card of its own and has a decision of its own;
- by encounters: with times and a camera, so that the page groups them; now and then the sure ones
  are confirmed together from the queue.

The script knows who is who and presses what a careful person would press, with the same rules in
both ways: the key of the candidate that is right, `N` for an animal that has no id yet, `/` and the
id where the right one isn't among the first five. In the sample of the sure ones, it takes the tick
away from cards whose photos are not all of the candidate, and it looks at no other cards. Minutes
are those of the machine, and have no time in which a person looks. A wrong identity is a photo that
ends with another animal's id.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

from demo.anatomy import Individual
from demo.photograph import photograph
from demo.serving import serve_catalogue
from embedding.photos.photo import save_jpeg
from index.catalogue.catalogue import Catalogue
from index.labels.reader import read_labels

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync")
LONGEST_MS = 120_000
MOST_TOGETHER = 3  # real photos of an animal that are put into one encounter
FEWEST_SURE = 3  # sure ones that are worth a visit to the queue
VISITS = 8  # to the queue, spread over the season
# What the review shows, or null while it changes.
SHOWN = """() => {
  if (document.querySelector("[data-acting], .comparison[data-seen]")) return null;
  const found = (all, of) => [...document.querySelectorAll(all)].map(of);
  const present = document.querySelector("#present");
  if (!present)
    return /All photos are reviewed|Nothing to review/.test(document.body.innerText)
      ? {photos: []} : null;
  const label = (node) => node.getAttribute("aria-label");
  const own = found(".own-strip button", (one) => label(one).replace(/^Photo .*? of \\d+, /, ""));
  const confirm = found(".candidates .confirm", label);
  const candidates = confirm.map((one) => one.replace(/^Confirm /, "").replace(/ \\(key .*/, ""));
  const photos = own.length ? own : [present.innerText.trim()];
  return {photos, candidates};
}"""


@dataclass(frozen=True)
class Taken:
    """A photo before it is sent: its file, whose it is, its time and encounter."""

    file: Path
    animal: str
    at: datetime
    encounter: int


@dataclass
class Count:
    """What a way took."""

    way: str
    photos: int
    keys: int = 0
    clicks: int = 0
    upload_minutes: float = 0.0
    review_minutes: float = 0.0
    wrong: int = 0
    unnamed: int = 0
    acts: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, act: str, times: int = 1) -> None:
        """Note what keys and clicks were for."""
        self.acts[act] = self.acts.get(act, 0) + times

    @property
    def a_hundred(self) -> float:
        """Key presses and clicks for a hundred photos."""
        return 100 * (self.keys + self.clicks) / self.photos


def drawn(folder: Path, count: int, animals: int, encounters: int) -> list[Taken]:
    """Draw `count` photos; each animal comes at least once, then encounters come by chance."""
    chance = random.Random(22)
    whose = [*range(animals), *(chance.randrange(animals) for _ in range(encounters - animals))]
    chance.shuffle(whose)
    sizes = Counter([*range(encounters), *chance.choices(range(encounters), k=count - encounters)])
    met = [[(animal, take) for take in range(sizes[at])] for at, animal in enumerate(whose)]
    jobs = [
        (animal, at * 100 + take, folder / f"e{at:04}_{take}.jpg")
        for at, photos in enumerate(met)
        for animal, take in photos
    ]
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(draw, jobs, chunksize=8))
    groups = [
        [(folder / f"e{at:04}_{take}.jpg", f"animal {animal}") for animal, take in photos]
        for at, photos in enumerate(met)
    ]
    return timed(groups)


def draw(job: tuple[int, int, Path]) -> None:
    """Draw one photo, unless an earlier run has kept it."""
    animal, take, path = job
    if not path.exists():
        whale = Individual.from_seed(animal)
        save_jpeg(photograph(whale, np.random.default_rng([animal, take])), path)


def real(labels: Path, photos: Path, given: argparse.Namespace) -> list[Taken]:
    """Take real photos of some animals that can have two encounters and more."""
    of: dict[str, list[tuple[Path, str]]] = {}
    for photo in read_labels(labels, photos, absent="skip", disputed="skip").photos:
        if photo.individual is not None:
            of.setdefault(photo.individual, []).append((photo.path, photo.individual))
    chance = random.Random(22)
    names = [name for name, files in sorted(of.items()) if len(files) >= 2 * MOST_TOGETHER]
    groups: list[list[tuple[Path, str]]] = []
    for name in chance.sample(names, min(given.animals, len(names))):
        files = of[name]
        groups += [files[at : at + MOST_TOGETHER] for at in range(0, len(files), MOST_TOGETHER)]
    chance.shuffle(groups)
    kept: list[list[tuple[Path, str]]] = []
    while groups and len(kept) < given.encounters and sum(map(len, kept)) < given.count:
        kept.append(groups.pop())
    return timed(kept)


def timed(groups: Sequence[Sequence[tuple[Path, str]]]) -> list[Taken]:
    """Give the photos of encounters times: one a minute, then 10 to 70 minutes until the next."""
    chance = random.Random(23)
    at = datetime(2026, 5, 28, 8)
    taken: list[Taken] = []
    for encounter, group in enumerate(groups):
        for file, animal in group:
            taken.append(Taken(file, animal, at, encounter))
            at += timedelta(minutes=1)
        at += timedelta(minutes=chance.randint(10, 70))
        if at.hour >= 18:
            at = (at + timedelta(days=1)).replace(hour=8, minute=0)
    return taken


def copies(taken: Sequence[Taken], folder: Path, *, are_timed: bool) -> dict[str, Taken]:
    """Write what is sent, with or without times; returns whose each name is."""
    folder.mkdir(parents=True)
    sent: dict[str, Taken] = {}
    for number, one in enumerate(taken):
        name = f"p{number:05}.jpg"
        with Image.open(one.file) as image:
            exif = Image.Exif()
            if are_timed:
                exif[0x010F] = "a camera"
                exif.get_ifd(0x8769)[0x9003] = f"{one.at:%Y:%m:%d %H:%M:%S}"
            image.convert("RGB").save(folder / name, "JPEG", quality=92, exif=exif)
        sent[name] = one
    return sent


class Person:
    """Who sits before the page, knows every animal, and counts what is pressed."""

    def __init__(self, page: Page, truth: dict[str, Taken], count: Count) -> None:
        self.page, self.truth, self.count = page, truth, count
        self.ids: dict[str, str] = {}  # of the animals that were named

    def press(self, key: str, act: str) -> None:
        self.page.keyboard.press(key)
        self.count.keys += 1
        self.count.add(act)

    def click(self, selector: str, act: str) -> None:
        self.page.locator(selector).first.click()
        self.count.clicks += 1
        self.count.add(act)

    def add(self, folder: Path) -> None:
        """Send all photos, and wait until the service has them."""
        self.click('a[href="#/review"]', "screens")
        self.page.locator("#pick").wait_for(state="attached")
        files = sorted(folder.iterdir())
        self.page.locator("#pick").set_input_files(files)
        self.count.clicks += 1
        self.count.add("upload")
        said = self.page.locator(".uploads-all", has_text=f"of {len(files):,} photo")
        said.wait_for(timeout=3_600_000, state="attached")
        print(said.text_content(), flush=True)
        self.press("F5", "screens")
        self.page.reload()

    def review(self, *, look_for_sure: int | None) -> None:
        """Decide until nothing is left; looks into the queue after so many cards."""
        cards = 0
        while (card := self.shown())["photos"]:
            if look_for_sure and cards and cards % look_for_sure == 0:
                cards += 1
                self.confirm_sure()
                continue
            if any(name not in self.truth for name in card["photos"]):
                # The detector took something else in a photo for a further animal.
                self.mark()
                self.press("x", "rejected")
                continue
            whose = [self.truth[name].animal for name in card["photos"]]
            ((animal, _),) = Counter(whose).most_common(1)
            other = next((at for at, one in enumerate(whose) if one != animal), None)
            if other is not None:
                self.take_out(other)
                continue
            self.decide(animal, card["candidates"])
            cards += 1

    def shown(self) -> dict[str, Any]:
        return self.page.wait_for_function(SHOWN, timeout=LONGEST_MS).json_value()

    def mark(self) -> None:
        self.page.evaluate("document.querySelector('.comparison').dataset.seen = 'yes'")

    def take_out(self, at: int) -> None:
        for _ in range(at):
            self.press("]", "other photo")
        self.mark()
        self.press("p", "taken out")

    def decide(self, animal: str, candidates: Sequence[str]) -> None:
        self.mark()
        known = self.ids.get(animal)
        if known is None:
            self.press("N", "new")
            self.see_animal()
            made = self.page.wait_for_function(
                "(before) => { const id = document.querySelector('#notice').innerText"
                ".match(/the first of (.+?)\\. /)?.[1]; return before.includes(id) ? null : id; }",
                arg=list(self.ids.values()),
                timeout=LONGEST_MS,
            )
            self.ids[animal] = str(made.json_value())
        elif known in candidates[:5]:
            self.press(str(candidates.index(known) + 1), "candidate")
            self.see_animal()
        else:
            self.find(known)
            self.see_animal()

    def see_animal(self) -> None:
        """Answer the question whether there is an animal, where it is asked."""
        asked = self.page.wait_for_function(
            """() => {
              const dialog = document.querySelector("dialog[open]");
              if (dialog?.querySelector(".found")) return null;
              if (dialog) return dialog.innerText.includes("No animal was seen") ? "yes" : "no";
              const acting = document.querySelector("[data-acting], .comparison[data-seen]");
              return acting ? null : "no";
            }""",
            timeout=LONGEST_MS,
        )
        if asked.json_value() == "yes":
            self.press("Enter", "animal seen")
            self.page.wait_for_function(
                "() => !document.querySelector('dialog[open]')"
                "?.innerText.includes('No animal was seen')"
            )

    def find(self, known: str) -> None:
        self.press("/", "search")
        self.page.locator("dialog[open] .found").wait_for(state="attached")
        for letter in known:
            self.press(letter, "search")
        at = self.page.wait_for_function(
            """(known) => {
              const found = [...document.querySelectorAll(".found b")].map((one) => one.innerText);
              return found.includes(known) ? String(found.indexOf(known)) : null;
            }""",
            arg=known,
        )
        for _ in range(int(at.json_value())):
            self.press("ArrowDown", "search")
        self.press("Enter", "search")

    def confirm_sure(self) -> None:
        """Confirm the sure ones of the queue, if there are some, after a look at the sample."""
        self.click('a[href="#/queue"]', "queue")
        self.page.locator(".card-row").first.wait_for(timeout=LONGEST_MS)
        label = self.page.locator(".acts button", has_text="sure one").first.inner_text()
        sure = int(label.split()[2].replace(",", "")) if "Confirm the sure" not in label else 0
        if sure >= FEWEST_SURE:
            self.click('.acts button:has-text("sure one")', "queue")
            self.page.locator(".sample li").first.wait_for(timeout=LONGEST_MS)
            for row in self.page.locator(".sample li").all():
                said = row.inner_text().split(",")[0].strip()
                if {self.ids.get(animal) for animal in self.seen_in(row)} != {said}:
                    row.locator("input").click()
                    self.count.clicks += 1
                    self.count.add("sample")
                    sure -= 1
            self.click("dialog[open] button[type=submit]", "queue")
            self.page.locator("dialog[open]").wait_for(state="detached", timeout=LONGEST_MS)
            self.count.add("confirmed together", sure)
        self.click('a[href="#/review"]', "queue")

    def seen_in(self, row: Locator) -> set[str]:
        """The animals in the photos of a card of the sample."""
        own = row.locator(".pair img:first-child, .others img")
        sources = [unquote(one) for one in own.evaluate_all("all => all.map((one) => one.src)")]
        shown = [name for name in self.truth if any(name in source for source in sources)]
        return {self.truth[name].animal for name in shown}


def work_through(way: str, taken: Sequence[Taken], scratch: Path) -> Count:
    """One way, from an empty folder to the end of the review."""
    is_grouped = way == "by encounters"
    count = Count(way, len(taken))
    folder = scratch / way.replace(" ", "_")
    truth = copies(taken, folder / "photos", are_timed=is_grouped)
    (folder / "served").mkdir()
    catalogue = folder / "served" / "catalogue.db"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        serve_catalogue(catalogue, port, folder / "service.log") as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(LONGEST_MS)
        page.goto(url)
        person = Person(page, truth, count)
        began = time.monotonic()
        person.add(folder / "photos")
        added = time.monotonic()
        encounters = len({one.encounter for one in taken})
        person.review(look_for_sure=max(encounters // VISITS, 3) if is_grouped else None)
        count.upload_minutes = (added - began) / 60
        count.review_minutes = (time.monotonic() - added) / 60
        browser.close()
    with Catalogue.open(catalogue) as opened:
        gallery = opened.gallery()
    ends = dict(zip(gallery.photo_names, gallery.individuals, strict=True))
    for name, one in truth.items():
        count.unnamed += name not in ends
        if name in ends and ends[name] != person.ids.get(one.animal):
            count.wrong += 1
            near = [f"{each.animal} at {each.at:%H:%M}" for each in around(one, taken)]
            print(f"{name}: {one.animal} ends as {ends[name]}; beside it: {', '.join(near)}")
    return count


def around(one: Taken, taken: Sequence[Taken]) -> list[Taken]:
    """The photos within a quarter of an hour, which may have come into one card."""
    return [each for each in taken if abs(each.at - one.at) <= timedelta(minutes=15)]


def table(counts: Sequence[Count]) -> str:
    """The figures as Markdown."""
    head = (
        "| way | key presses | clicks | a hundred photos | minutes: upload, review | "
        "wrong identities | without one |\n| --- | --- | --- | --- | --- | --- | --- |"
    )
    rows = [
        f"| {one.way} | {one.keys} | {one.clicks} | {one.a_hundred:.0f} | "
        f"{one.upload_minutes:.1f}, {one.review_minutes:.1f} | {one.wrong} | {one.unnamed} |"
        for one in counts
    ]
    return "\n".join([head, *rows])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000, help="How many photos.")
    parser.add_argument("--animals", type=int, default=150)
    parser.add_argument("--encounters", type=int, default=300)
    parser.add_argument("--labels", type=Path, help="A table of real photos, in place of drawn.")
    parser.add_argument("--photos", type=Path, help="The folder of the real photos.")
    parser.add_argument("--keep", type=Path, help="Keep drawn photos here for the next run.")
    parser.add_argument("--json", type=Path, help="Write the counts here too.")
    given = parser.parse_args()
    if not given.animals <= given.encounters <= given.count:
        parser.error("--animals, --encounters and --count must not get smaller in this order")
    with tempfile.TemporaryDirectory() as scratch:
        album = given.keep or Path(scratch) / "album"
        album.mkdir(parents=True, exist_ok=True)
        if given.labels:
            taken = real(given.labels, given.photos, given)
        else:
            taken = drawn(album, given.count, given.animals, given.encounters)
        animals = len({one.animal for one in taken})
        print(f"{len(taken)} photos of {animals} animals", flush=True)
        counts: list[Count] = []
        for way in ("by encounters", "one by one"):
            try:
                counts.append(work_through(way, taken, Path(scratch)))
            finally:
                log = Path(scratch) / way.replace(" ", "_") / "service.log"
                if given.keep and log.exists():
                    shutil.copy(log, given.keep.with_suffix(f".{way.replace(' ', '_')}.log"))
            print(counts[-1].acts, flush=True)
            if given.json:
                given.json.write_text(json.dumps([asdict(one) for one in counts], indent=1))
    print(table(counts))
    first, second = counts
    print(f"\nBy encounters takes {first.a_hundred / second.a_hundred:.2f} of one by one.")


if __name__ == "__main__":
    main()
