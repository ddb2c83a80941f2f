"""Run the harnesses of faults: `python -m tests.faults.run kills --minutes 10 --count 1000`.

Each prints its figures; the first thing that was lost or half-made ends it with a traceback.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # a library's threads don't outlive a fork


def kills(options: argparse.Namespace, folder: Path, deadline: float) -> None:
    """kill -9 on SQLite, on PostgreSQL where there is one, and during a training."""
    from tests.faults.copies import postgres_copies, sqlite_copies
    from tests.faults.kills import KillHarness, run_kills
    from tests.faults.training_kills import TrainingHarness
    from tests.postgres_server import NoPostgres, running_postgres

    rng = random.Random(options.seed)
    share = (deadline - time.monotonic()) / 2
    (folder / "training").mkdir()
    training = TrainingHarness(folder / "training", rng)
    scene, copies = sqlite_copies(folder / "sqlite")
    harness = KillHarness(scene, copies, rng)
    run_kills(harness, options.count * 6 // 10, time.monotonic() + share)
    print(f"SQLite: killed {harness.count.killed}, ended before {harness.count.ended}")
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running_postgres())
        except NoPostgres as error:
            print(f"PostgreSQL: left out, {error}")
        else:
            scene, copies = stack.enter_context(postgres_copies(server, folder / "postgres"))
            harness = KillHarness(scene, copies, rng)
            run_kills(harness, options.count * 3 // 10, deadline - 30)
            print(f"PostgreSQL: killed {harness.count.killed}, ended {harness.count.ended}")
    while training.killed < options.count // 10 and time.monotonic() < deadline:
        training.trial()
    print(f"training checkpoint: killed {training.killed}, ended before {training.ended}")


def disk(options: argparse.Namespace, folder: Path, deadline: float) -> None:
    """Every change of a file fails in turn; needs a C compiler."""
    from tests.faults import failing_disk
    from tests.faults.copies import sqlite_copies

    if failing_disk.VARIABLE in os.environ:
        harness = failing_disk.DiskHarness(*sqlite_copies(folder / "sqlite"))
        failing_disk.run_failures(
            harness, options.act, lambda: time.monotonic() > deadline, options.every
        )
        print(f"{harness.count.tried.total()} failures tried")
        if harness.count.faults:
            raise SystemExit(f"{len(harness.count.faults)} faults")
        return
    shim = failing_disk.compile_shim(folder)
    if shim is None:
        print("left out: there is no C compiler (cc)")
        return
    acts = [word for act in options.act for word in ("--act", act)]
    words = ("--every", str(options.every), "--minutes", f"{(deadline - time.monotonic()) / 60}")
    done = failing_disk.run_with_shim(shim, "disk", *acts, *words)
    print(done.stdout)
    if done.returncode:
        raise SystemExit(done.returncode)


HARNESSES: dict[str, Callable[[argparse.Namespace, Path, float], None]] = {
    "kills": kills,
    "disk": disk,
}


def main() -> None:
    """Run the named harnesses, or all of them, each within its minutes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("harnesses", nargs="*", choices=[*HARNESSES, []], help="which; all if none")
    parser.add_argument("--minutes", type=float, default=5.0, help="the most for each harness")
    parser.add_argument("--count", type=int, default=1000, help="trials, kills or uploads")
    parser.add_argument("--act", action="append", default=[], help="only these acts (disk)")
    parser.add_argument("--every", type=int, default=1, help="every so many-th change (disk)")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--folder", type=Path, help="where the trials' files lie")
    options = parser.parse_args()
    for name in options.harnesses or HARNESSES:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="flukeprint-faults-", dir=options.folder) as folder:
            HARNESSES[name](options, Path(folder), began + 60 * options.minutes)
        print(f"{name}: no fault in {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
