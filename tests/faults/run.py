"""Run the harnesses of faults: `python -m tests.faults.run kills --minutes 10 --count 1000`.

Each prints its figures; the first thing that was lost or half-made ends it with a traceback.
"""

from __future__ import annotations

import argparse
import logging
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


def crash(options: argparse.Namespace, folder: Path, deadline: float) -> None:
    """kill -9 of the PostgreSQL server under each act, where there is one."""
    from tests.faults.acts import ACTS
    from tests.faults.copies import postgres_copies
    from tests.faults.postgres_crash import CrashHarness
    from tests.postgres_server import NoPostgres, PostgresServer

    try:
        server = PostgresServer(is_durable=True)
    except NoPostgres as error:
        print(f"left out: {error}")
        return
    try:
        server.start()
        with postgres_copies(server.folder, folder) as (scene, copies):
            harness = CrashHarness(server, scene, copies, random.Random(options.seed))
            count, acts = harness.crashes, options.act or list(ACTS)
            while count.cut.total() < options.count and time.monotonic() < deadline:
                harness.crash_trial(ACTS[min(acts, key=lambda one: count.cut[one])])
    finally:
        server.stop()
    print(f"cut {count.cut.total()}: {dict(count.cut)}; ended before {count.ended.total()}")


def disk(options: argparse.Namespace, folder: Path, deadline: float) -> None:
    """Every change of a file fails in turn; needs a C compiler."""
    from tests.faults import failing_disk
    from tests.faults.acts import ACTS
    from tests.faults.copies import sqlite_copies

    if failing_disk.VARIABLE in os.environ:
        harness = failing_disk.DiskHarness(*sqlite_copies(folder / "sqlite"))
        acts = options.act or list(ACTS)
        plan = failing_disk.plan_failures(harness, acts, options.seed)
        trials = list(plan)[: options.count]
        failing_disk.run_failures(harness, trials, deadline, options.record)
        count = harness.count
        for name in acts:
            print(
                f"{failing_disk.describe_tried(plan, count.tried, name)}; {count.refused[name]} "
                f"were refused with an error; {count.unread[name]} times the catalogue couldn't be "
                "read while they lasted"
            )
        refuse_faults(count.faults)
        return
    shim = failing_disk.compile_shim(folder)
    if shim is None:
        print("left out: there is no C compiler (cc)")
        return
    acts = [word for act in options.act for word in ("--act", act)]
    more = ["--count", str(options.count), "--seed", str(options.seed)]
    more += ["--record", str(options.record.resolve())] if options.record else []
    more += ["--folder", str(options.folder)] if options.folder else []
    minutes = str((deadline - time.monotonic()) / 60)
    done = failing_disk.run_with_shim(shim, "disk", *acts, *more, "--minutes", minutes)
    if done.returncode:
        raise SystemExit(done.returncode)


def bits(options: argparse.Namespace, folder: Path, deadline: float) -> None:
    """One bit flips in each kind of file."""
    from tests.faults.bit_flips import KINDS, flip_bits
    from tests.faults.copies import sqlite_copies

    _, copies = sqlite_copies(folder / "sqlite")
    for kind in KINDS:
        count = min(options.count // 5, 200)
        print(f"{kind}: {dict(flip_bits(copies, kind, count, options.seed))}", flush=True)


def values(options: argparse.Namespace, folder: Path, deadline: float) -> None:
    """One bit flips in a value of each column of the database."""
    from tests.faults.copies import sqlite_copies
    from tests.faults.value_flips import flip_values

    _, copies = sqlite_copies(folder / "sqlite")
    each = max(options.count // 100, 1)
    for column, count in flip_values(copies, each, options.seed, deadline):
        print(f"{column}: {dict(count)}", flush=True)


def uploads(options: argparse.Namespace, folder: Path, deadline: float) -> None:
    """Mutated uploads of every format, one after the other, to a service in this process."""
    from tests.faults.uploads import run_uploads

    logging.disable(logging.CRITICAL)  # each refused upload is logged
    count = run_uploads(folder / "around", options.count, options.seed, deadline=deadline)
    print(
        f"{count.sent} uploads: {dict(count.answers)}; jobs {dict(count.jobs)}; the slowest took "
        f"{count.slowest_seconds:.1f} s of processor time"
    )
    refuse_faults(count.faults)


def load(options: argparse.Namespace, folder: Path, deadline: float) -> None:
    """64 clients at once with a re-index; slow clients; SIGTERM; memory over 20,000 requests."""
    from tests.faults import service_load

    count = service_load.run_mixed(folder / "mixed", min(60.0, 30 * options.minutes), clients=64)
    for kind, seconds in count.seconds.items():
        p50, p99 = count.percentile(0.5, kind), count.percentile(0.99, kind)
        print(f"64 clients, {kind}: {len(seconds)} answers, median {p50:.0f} ms, p99 {p99:.0f} ms")
    print(f"statuses {dict(count.statuses)}; {count.checked} answers checked against revisions")
    faults = list(count.faults)
    for slow in (0, 100):
        count = service_load.run_with_slow_clients(folder / f"slow {slow}", 10, slow)
        answers = f"{count.statuses.total()} answers, p99 {count.percentile(0.99):.0f} ms"
        print(f"{slow} slow clients of each kind: ordinary ones got {answers}", flush=True)
        faults += count.faults
    count, unanswered = service_load.run_sigterm(folder / "sigterm", 5, clients=64)
    print(f"SIGTERM: {count.statuses.total()} answered, {len(unanswered)} accepted and unanswered")
    memory = service_load.run_memory(folder / "memory", options.count, options.count // 5)
    figures = [f"{requests}: {mb:.0f} MB" for requests, mb in memory.blocks]
    print(f"memory grew by {memory.growth:.1%}: {', '.join(figures)}")
    refuse_faults([*faults, *unanswered])


def shared(options: argparse.Namespace, folder: Path, deadline: float) -> None:
    """Two services and a command line on one catalogue, for the harness's minutes."""
    from tests.faults.two_services import run_two_services

    count = run_two_services(folder, 60 * options.minutes)
    revisions = [len(one.revisions) for one in count.services]
    answers = sum(one.statuses.total() for one in count.services)
    print(
        f"{answers} answers, {revisions} revisions by the services and {len(count.revisions)} by "
        f"{count.updates} updates; {count.checked} answers checked against their revision"
    )
    refuse_faults(count.faults)


def replicas(options: argparse.Namespace, folder: Path, deadline: float) -> None:
    """Two services on one PostgreSQL, one of them killed every minute, for so many minutes."""
    from tests.faults.replicas import describe, run_replicas
    from tests.postgres_server import NoPostgres, running_postgres

    with ExitStack() as stack:
        try:
            server = stack.enter_context(running_postgres())
        except NoPostgres as error:
            print(f"left out: {error}")
            return
        count, kills = run_replicas(server, folder, 60 * options.minutes)
    print("\n".join(describe(count, kills)))
    refuse_faults(count.faults)


def refuse_faults(faults: list[str]) -> None:
    """End the program where a harness has found faults."""
    for fault in faults:
        print(f"FAULT {fault}")
    if faults:
        raise SystemExit(f"{len(faults)} faults")


HARNESSES: dict[str, Callable[[argparse.Namespace, Path, float], None]] = {
    "kills": kills,
    "crash": crash,
    "disk": disk,
    "bits": bits,
    "values": values,
    "uploads": uploads,
    "load": load,
    "shared": shared,
    "replicas": replicas,
}


def main() -> None:
    """Run the named harnesses, or all of them, each within its minutes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("harnesses", nargs="*", choices=[*HARNESSES, []], help="which; all if none")
    parser.add_argument("--minutes", type=float, default=5.0, help="the most for each harness")
    parser.add_argument("--count", type=int, default=1000, help="trials, kills or uploads")
    parser.add_argument("--act", action="append", default=[], help="only these acts (disk)")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument(
        "--record", type=Path, help="what was tried, so that another run goes on (disk)"
    )
    parser.add_argument("--folder", type=Path, help="where the trials' files lie")
    options = parser.parse_args()
    for name in options.harnesses or HARNESSES:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="flukeprint-faults-", dir=options.folder) as folder:
            HARNESSES[name](options, Path(folder), began + 60 * options.minutes)
        print(f"{name}: no fault in {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
