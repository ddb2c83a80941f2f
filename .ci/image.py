"""Carry out the Dockerfile's steps in a fresh Debian root, where no image can be built.

    python .ci/image.py [--build-arg FAISS=gpu] [--same-here PATH ...]

Needs root and Debian's `debootstrap`. Files come along as `.dockerignore` says. Then the image's
user runs `demo`, `doctor` and the service, which has to become healthy and end well at SIGTERM.
Prints what each step took and how large the root became. `--same-here` mounts a file or folder of
this machine at the same place, such as pip's own settings. Nothing of the root is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
_RELEASES = {"bookworm": "3.11", "trixie": "3.13"}
"""Debian's releases and the Python of each: an image of another Python can't be tried."""
_ALSO_THERE = "python3,python3-venv,ca-certificates"  # as in the official image of Python
_MOST_SECONDS_TO_HEALTH = 120


@dataclass
class Image:
    """What a Dockerfile says: its steps in order, and how the image is run."""

    release: str = ""
    steps: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    arguments: dict[str, str] = field(default_factory=dict[str, str])
    environment: dict[str, str] = field(default_factory=dict[str, str])
    user: str = "root"
    folder: str = "/"
    command: list[str] = field(default_factory=list[str])
    health: list[str] = field(default_factory=list[str])


def read_dockerfile(text: str, given: Mapping[str, str]) -> Image:
    """Read a Dockerfile of one stage. Raises ValueError for what this program can't carry out."""
    image, entry = Image(), list[str]()
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", text))
    for line in filter(None, map(str.strip, joined.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            image.release = _release_of(rest)
        elif word == "ARG":
            name, _, default = rest.partition("=")
            image.arguments[name] = given.get(name, default)
        elif word == "ENV":
            image.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        elif word in ("RUN", "COPY"):
            image.steps.append((word, rest))
        elif word == "WORKDIR":
            image.folder = rest
        elif word == "USER":
            image.user = rest
        elif word == "HEALTHCHECK":
            image.health = json.loads(rest.partition(" CMD ")[2])
        elif word == "ENTRYPOINT":
            entry = json.loads(rest)
        elif word == "CMD":
            image.command = json.loads(rest)
        elif word not in ("VOLUME", "EXPOSE", "STOPSIGNAL"):
            raise ValueError(f"{word} is no instruction that this program carries out: {line}")
    unknown = sorted(set(given) - set(image.arguments))
    if unknown:
        raise ValueError(f"--build-arg {unknown}; the Dockerfile has {sorted(image.arguments)}")
    image.command = entry + image.command
    return image


def _release_of(base: str) -> str:
    found = re.fullmatch(r"python:(\d+\.\d+)-slim-(\w+)", base)
    if found is None or _RELEASES.get(found[2]) != found[1]:
        allowed = ", ".join(f"python:{python}-slim-{name}" for name, python in _RELEASES.items())
        raise ValueError(f"FROM {base}; a root can be made like {allowed}")
    return found[2]


def is_let_in(path: str, ignore_file: str) -> bool:
    """Whether a `.dockerignore` that begins with `*` lets a file in: by a `!` line of its top."""
    lines = [line.strip() for line in ignore_file.splitlines() if not line.startswith("#")]
    if "*" not in lines:
        raise ValueError(".dockerignore doesn't begin with `*`, so it can't be read here")
    return path.partition("/")[0] in {line[1:] for line in lines if line.startswith("!")}


@dataclass(frozen=True)
class Root:
    """A Debian root below a folder, and what its processes see as their environment."""

    path: Path
    image: Image
    same_here: Sequence[Path] = ()

    def words(self, command: Sequence[str], user: str) -> list[str]:
        """The words that run a command in the root as a user, in the image's folder."""
        inside = f"cd {shlex.quote(self.image.folder)} && exec {shlex.join(command)}"
        chosen = () if user == "root" else (f"--userspec={user}",)
        return ["chroot", *chosen, str(self.path), "/bin/sh", "-c", inside]

    def environment(self, *, is_build: bool) -> dict[str, str]:
        """The variables of a step, or of the running image."""
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        seen = {"PATH": path, "HOME": "/root" if is_build else "/tmp", "LANG": "C.UTF-8"}
        passed = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        if is_build:
            return {**passed, **seen, **self.image.arguments}
        own = {
            name: value.replace("$PATH", seen["PATH"])
            for name, value in self.image.environment.items()
        }
        return {**seen, **own}

    def run(self, command: Sequence[str], user: str = "root", *, is_build: bool = False) -> None:
        """Run a command to its end. Raises CalledProcessError."""
        environment = self.environment(is_build=is_build)
        subprocess.run(self.words(command, user), env=environment, check=True)

    def size_mb(self) -> int:
        """The disk that the root takes, without what is mounted in it."""
        command = ["du", "--summarize", "--block-size=1000000", "--one-file-system"]
        command += [f"--exclude={self.path / str(one).lstrip('/')}" for one in self.same_here]
        done = subprocess.run(
            [*command, str(self.path)], capture_output=True, text=True, check=True
        )
        return int(done.stdout.split()[0])


@contextmanager
def mounted(source: str, at: Path, *options: str) -> Generator[None]:
    """Mount something until the block ends."""
    if Path(source).is_file():
        at.parent.mkdir(parents=True, exist_ok=True)
        at.touch()
    else:
        at.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", *options, source, str(at)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(at)], check=True)


@contextmanager
def new_root(image: Image, folder: Path, same_here: Sequence[Path]) -> Generator[Root]:
    """Make a Debian root like the one that the image begins with."""
    path = folder / "root"
    also = f"--include={_ALSO_THERE}"
    subprocess.run(["debootstrap", "--variant=minbase", also, image.release, str(path)], check=True)
    for name in ("etc/resolv.conf", "etc/hosts"):
        shutil.copy(Path("/") / name, path / name)
    with ExitStack() as mounts:
        mounts.enter_context(mounted("proc", path / "proc", "-t", "proc"))
        mounts.enter_context(mounted("/dev", path / "dev", "--bind"))
        for one in same_here:
            mounts.enter_context(mounted(str(one), path / str(one).lstrip("/"), "--bind"))
        yield Root(path, image, same_here)


def build(root: Root) -> None:
    """Carry out the image's steps, each with its seconds."""
    for word, rest in root.image.steps:
        began = time.monotonic()
        target = root.path / root.image.folder.lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        if word == "COPY":
            copy_repository(target)
        else:
            root.run(["sh", "-c", rest], is_build=True)
        print(f"image: {time.monotonic() - began:6.1f} s, {root.size_mb()} MB  {word} {rest[:60]}")


def copy_repository(target: Path) -> None:
    """Copy the committed files that `.dockerignore` lets in."""
    ignore_file = (REPOSITORY / ".dockerignore").read_text("utf-8")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if is_let_in(name, ignore_file):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target / name)


def try_image(root: Root) -> None:
    """Identify drawn whales as the image's user, then serve them until SIGTERM."""
    user = root.image.user
    root.run(["flukeprint", "demo", "--out", "/catalogue/demo"], user)
    root.run(["sh", "-c", "cp -r /catalogue/demo/catalogue.db* /catalogue/"], user)
    root.run(["flukeprint", "doctor"], user)
    secret = ["flukeprint", "keys", "create", "--name", "trial", "--role", "admin"]
    root.run(secret, user)
    began = time.monotonic()
    serving = subprocess.Popen(
        root.words(root.image.command, user), env=root.environment(is_build=False)
    )
    try:
        wait_for_health(root, serving, began)
    finally:
        serving.send_signal(signal.SIGTERM)
        code = serving.wait(60)
    if code != 0:
        raise SystemExit(f"image: the service ended with {code} at SIGTERM; 0 is right")
    print("image: the service ended with 0 at SIGTERM")


def wait_for_health(root: Root, serving: subprocess.Popen[bytes], began: float) -> None:
    """Run the image's own health check until it succeeds."""
    environment = root.environment(is_build=False)
    while time.monotonic() - began < _MOST_SECONDS_TO_HEALTH and serving.poll() is None:
        words = root.words(root.image.health, root.image.user)
        if subprocess.run(words, env=environment, capture_output=True, check=False).returncode == 0:
            print(f"image: healthy after {time.monotonic() - began:.1f} s")
            return
        time.sleep(0.2)
    raise SystemExit("image: the service did not become healthy")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--same-here", action="append", default=[], type=Path, metavar="PATH")
    options = parser.parse_args()
    given = dict(pair.split("=", 1) for pair in options.build_arg)
    try:
        image = read_dockerfile((REPOSITORY / "Dockerfile").read_text("utf-8"), given)
    except ValueError as error:
        sys.exit(f"image: {error}")
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        sys.exit("image: needs root and debootstrap: apt-get install debootstrap")
    with (
        tempfile.TemporaryDirectory() as folder,
        new_root(image, Path(folder), options.same_here) as root,
    ):
        print(f"image: {root.size_mb()} MB before the first step")
        build(root)
        try_image(root)


if __name__ == "__main__":
    main()
