"""Run a sweep: trials train side by side, are watched by metrics.csv, end or are given up."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from embedding.errors import FlukeprintError
from training.recipes.choices import BadRecipe, Recipe
from training.recipes.reading import read_recipe
from training.tuning.sweep.space import Space, check_space
from training.tuning.sweep.study import Plan, Study, Trial, TrialResult, best_of, grid_size
from training.tuning.sweep.trial import RunningTrial, read_metrics, start_trial

STUDY = "study.db"
TRIALS = "trials"
_LOCK = "sweep.lock"
_POLL_SECONDS = 0.5
_EQUAL_FAILURES = 3
_NO_VALIDATION = ("epoch", "loss", "rate", "seconds")


class BadSweep(FlukeprintError):
    """A sweep that can't begin, or of which no trial came to an end."""


@dataclass(frozen=True, slots=True)
class SweepChoices:
    """What a sweep varies and measures.

    `arguments` are `flukeprint train`'s: labels, photos, extra photos, cache. `read` are the files
    next to the labels that decide what is learned from and which photos are queries.
    """

    recipe: str
    overrides: tuple[str, ...]
    space: Space
    plan: Plan
    arguments: tuple[str, ...]
    out: Path
    metric: str = "score"
    workers: int = 1
    threads: int = 1
    resume: bool = False
    read: tuple[Path, ...] = ()


def run_sweep(choices: SweepChoices) -> list[TrialResult]:
    """Run a sweep to its end and return its trials; after Ctrl-C `resume` continues it.

    Raises BadSweep, BadSpace, BadStudy and BadRecipe, before the first trial where they can be
    known by then.
    """
    base = _checked(choices)
    choices.out.mkdir(parents=True, exist_ok=True)
    with _exclusive(choices.out):
        study = Study(choices.out / STUDY, choices.space, choices.plan)
        study.check_settings(_settings(choices, base))
        _Session(choices, base, study).run()
        results = study.results()
        _write_reports(choices, base, study)
    if best_of(results) is None:
        failed = [each for each in results if each.standing == "failed"]
        raise BadSweep(
            f"no trial of {len(results)} came to an end; trial {failed[-1].number} says: "
            f"{failed[-1].error}. Their logs "
            f"are {choices.out / TRIALS}/*/train.log"
            if failed
            else f"no trial of {len(results)} came to an end; give more --trials"
        )
    return results


def _checked(choices: SweepChoices) -> Recipe:
    """The recipe that is varied, after all that can be wrong before a trial."""
    base = read_recipe(choices.recipe, choices.overrides)
    check_space(choices.space, choices.recipe, choices.overrides)
    if choices.metric in _NO_VALIDATION:
        raise BadSweep(
            f"--metric {choices.metric} is no validation figure; give score, known_top1, auroc "
            "or the like"
        )
    if not base.data.validation_share:
        raise BadSweep(
            "data.validation_share = 0 leaves nothing to judge trials by; give a share, such as 0.1"
        )
    if choices.plan.sampler == "grid":
        grid_size(choices.space)
    out, study = choices.out, choices.out / STUDY
    if study.exists() and not choices.resume:
        raise BadSweep(f"{out} holds a sweep; give --resume to go on with it, or another --out")
    if not study.exists() and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadSweep(f"{out} is not empty and holds no sweep; give another --out")
    return base


def _settings(choices: SweepChoices, base: Recipe) -> dict[str, Any]:
    plan = choices.plan
    read = [[str(path), hashlib.sha256(path.read_bytes()).hexdigest()] for path in choices.read]
    return ({"split and extra labels": read} if read else {}) | {
        "recipe": base.digest,
        "space": [_plain(dimension.to_dict()) for dimension in choices.space],
        "labels and photos": list(choices.arguments),
        "metric": choices.metric,
        "sampler": [plan.sampler, plan.seed],
        "pruner": [plan.pruner, plan.prune_after],
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """As it comes back from JSON."""
    return json.loads(json.dumps(values))


@contextlib.contextmanager
def _exclusive(out: Path) -> Generator[None]:
    """Refuse a second sweep in the same folder; a process that was killed locks nothing."""
    lock = FileLock(out / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise BadSweep(
            f"another process runs the sweep in {out}; wait for it, or give another --out"
        ) from error
    try:
        yield
    finally:
        (out / _LOCK).unlink(missing_ok=True)  # while it is held, as training.run.lock does
        lock.release()


def _write_reports(choices: SweepChoices, base: Recipe, study: Study) -> None:
    from training.tuning.sweep.figures import draw_sweep
    from training.tuning.sweep.report import write_report

    results = study.results()
    write_report(
        choices.out,
        results,
        choices.space,
        lambda values: trial_recipe(choices, values),
        choices.metric,
    )
    draw_sweep(
        choices.out,
        results,
        choices.space,
        study.importance(),
        name=base.name,
        metric=choices.metric,
    )


def trial_recipe(choices: SweepChoices, values: dict[str, str]) -> Recipe:
    """The recipe with a trial's values. Raises BadRecipe."""
    varied = [override for one in choices.space for override in one.overrides(values[one.name])]
    return read_recipe(choices.recipe, [*choices.overrides, *varied])


class _Session:
    """The trials under way, from the first to the last of this session."""

    def __init__(self, choices: SweepChoices, base: Recipe, study: Study) -> None:
        self._choices, self._base, self._study = choices, base, study
        self._running: list[RunningTrial] = []
        self._errors: list[str] = []
        self._has_success = False

    def run(self) -> None:
        unfinished = self._study.unfinished()
        if unfinished:
            print(
                f"going on with trial {', '.join(str(each.number) for each in unfinished)}",
                file=sys.stderr,
            )
        started = len(self._study.results())
        try:
            while True:
                while len(self._running) < self._choices.workers and (
                    unfinished or started < self._trial_limit
                ):
                    if not unfinished:
                        started += 1
                    self._start(unfinished.pop(0) if unfinished else self._study.next_trial())
                if not self._running:
                    return
                time.sleep(_POLL_SECONDS)
                for running in list(self._running):
                    self._poll(running)
                self._stop_where_all_fail()
        finally:
            for running in self._running:
                running.request_stop()  # all at once
            for running in self._running:
                running.stop()

    @property
    def _trial_limit(self) -> int:
        plan = self._choices.plan
        return (
            min(plan.trials, grid_size(self._choices.space))
            if plan.sampler == "grid"
            else plan.trials
        )

    def _start(self, trial: Trial) -> None:
        try:
            recipe = trial_recipe(self._choices, trial.values)
        except BadRecipe as error:
            self._fail(trial, f"error: {error}", 0.0)
            return
        if not recipe.compute.threads:
            recipe = with_threads(recipe, self._choices.threads)
        folder = self._choices.out / TRIALS / f"{trial.number:03}"
        self._running.append(
            start_trial(
                trial, folder, recipe, self._choices.arguments, threads=recipe.compute.threads
            )
        )

    def _poll(self, running: RunningTrial) -> None:
        """Take up what a trial has measured, and end it where it is over or hopeless."""
        has_ended = (
            running.process.poll() is not None
        )  # first: then what it wrote last is read below
        is_hopeless = self._record_metrics(running)
        if has_ended:
            self._running.remove(running)
            running.stop()
            self._end(running)
        elif is_hopeless:
            self._running.remove(running)
            running.stop()
            self._has_success = True
            # Before what is for resuming goes: without that, a sweep that goes on takes the trial
            # for a complete one.
            self._study.prune(running.trial, running.seconds)
            running.give_up()
            self._report_trial(
                running.trial, f"pruned after epoch {max(running.trial.curve)}", running.seconds
            )

    def _record_metrics(self, running: RunningTrial) -> bool:
        is_hopeless = False
        for row in read_metrics(running.folder):
            epoch, value = int(row["epoch"]), row.get(self._choices.metric)
            if value is not None and epoch not in running.trial.curve:
                is_hopeless = (
                    self._study.report(running.trial, epoch, value) and epoch < running.epochs
                )
        return is_hopeless

    def _end(self, running: RunningTrial) -> None:
        if running.process.returncode != 0:
            self._fail(running.trial, running.error(), running.seconds)
        elif not running.trial.curve:
            found = sorted(
                {name for row in read_metrics(running.folder) for name in row} - set(_NO_VALIDATION)
            )
            self._fail(
                running.trial,
                f"metrics.csv has no {self._choices.metric}; it has {', '.join(found)}",
                running.seconds,
            )
        else:
            self._has_success = True
            self._study.complete(running.trial, running.seconds)
            self._report_trial(
                running.trial,
                f"{self._choices.metric} {max(running.trial.curve.values()):.4f}",
                running.seconds,
            )

    def _fail(self, trial: Trial, error: str, seconds: float) -> None:
        self._study.fail(trial, error, seconds)
        self._report_trial(trial, f"failed, {error}", seconds)
        self._errors.append(error)

    def _report_trial(self, trial: Trial, what: str, seconds: float) -> None:
        from training.tuning.sweep.report import write_report

        results = self._study.results()
        choices = self._choices
        write_report(
            choices.out,
            results,
            choices.space,
            lambda values: trial_recipe(choices, values),
            choices.metric,
        )
        best = best_of(results)
        best_text = "" if best is None else f" (best so far: {best.value:.4f}, trial {best.number})"
        values = ", ".join(f"{name}={value}" for name, value in trial.values.items())
        print(
            f"trial {trial.number}: {what}{best_text}; {seconds:.0f} s; {values}",
            file=sys.stderr,
            flush=True,
        )

    def _stop_where_all_fail(self) -> None:
        """Stop where every trial so far failed with the same error: the values aren't the cause."""
        all_equal = len(self._errors) >= _EQUAL_FAILURES and len(set(self._errors)) == 1
        if all_equal and not self._has_success:
            raise BadSweep(
                f"the first {len(self._errors)} trials all failed, with {self._errors[0]}. Mend "
                "that, and go on with "
                "--resume and more --trials"
            )


def with_threads(recipe: Recipe, threads: int) -> Recipe:
    """The recipe on so many threads."""
    return dataclasses.replace(recipe, compute=dataclasses.replace(recipe.compute, threads=threads))


def train_arguments(
    csv: Sequence[Path], photos: Sequence[Path], cache: Path, extra: Mapping[str, Path | str | None]
) -> tuple[str, ...]:
    """Labels, photos, `extra` ones by their options, and cache as `flukeprint train` takes them."""
    options: list[tuple[str, Path | str]] = [
        (option, path) for option, paths in (("--csv", csv), ("--photos", photos)) for path in paths
    ]
    options += [(option, path) for option, path in extra.items() if path is not None]
    return tuple(str(word) for pair in [*options, ("--cache", cache)] for word in pair)
