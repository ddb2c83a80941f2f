"""The sweep: trials are asked for, trained side by side, watched by their metrics.csv, given up or
completed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from embedding.errors import FlukeprintError
from index.processes import is_alive, this_worker
from training.recipes.choices import BadRecipe, Recipe
from training.recipes.reading import read_recipe
from training.tuning.sweep.space import Space, check_space
from training.tuning.sweep.study import Plan, Study, Trial, Tried, best_of, grid_size
from training.tuning.sweep.trial import Trying, begin, measured

STUDY = "study.db"
TRIALS = "trials"
_LOCK = "sweep.lock"
_POLL_SECONDS = 0.5
_ALIKE_FAILURES = 3
_NO_VALIDATION = ("epoch", "loss", "rate", "seconds")


class BadSweep(FlukeprintError):
    """A sweep that can't begin, or of which no trial came to an end."""


@dataclass(frozen=True, slots=True)
class SweepChoices:
    """What a sweep is asked for.

    `arguments` are `flukeprint train`'s: labels, photos, extra photos, cache. `read` are the files
    beside the labels that decide what is learned from, and who is asked about.
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


def run_sweep(choices: SweepChoices) -> list[Tried]:
    """Run a sweep to its end and return its trials; Ctrl-C leaves it in a state from which `resume`
    goes on.

    Raises BadSweep, BadSpace, BadStudy and BadRecipe, before the first trial where they can be
    known by then.
    """
    base = _checked(choices)
    choices.out.mkdir(parents=True, exist_ok=True)
    with _alone(choices.out):
        study = Study(choices.out / STUDY, choices.space, choices.plan)
        study.settle(_settings(choices, base))
        _Round(choices, base, study).run()
        tried = study.tried()
        _write_reports(choices, base, study)
    if best_of(tried) is None:
        failed = [each for each in tried if each.standing == "failed"]
        raise BadSweep(
            f"no trial of {len(tried)} came to an end; trial {failed[-1].number} says: "
            f"{failed[-1].error}. Their logs "
            f"are {choices.out / TRIALS}/*/train.log"
            if failed
            else f"no trial of {len(tried)} came to an end; give more --trials"
        )
    return tried


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


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    """As it comes back from JSON."""
    return json.loads(json.dumps(told))


@contextlib.contextmanager
def _alone(out: Path) -> Generator[None]:
    """Refuse a second sweep in the same folder; the mark of one that was killed is none."""
    lock = out / _LOCK
    with contextlib.suppress(OSError, ValueError):
        if is_alive(lock.read_text("utf-8"), None, datetime.now(UTC)):
            raise BadSweep(
                f"another process runs the sweep in {out}; wait for it, or give another --out"
            )
    lock.write_text(this_worker(), "utf-8")
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _write_reports(choices: SweepChoices, base: Recipe, study: Study) -> None:
    from training.tuning.sweep.figures import draw_sweep
    from training.tuning.sweep.report import write_report

    tried = study.tried()
    write_report(
        choices.out,
        tried,
        choices.space,
        lambda values: trial_recipe(choices, values),
        choices.metric,
    )
    draw_sweep(
        choices.out, tried, choices.space, study.importance(), name=base.name, metric=choices.metric
    )


def trial_recipe(choices: SweepChoices, values: dict[str, str]) -> Recipe:
    """The recipe with a trial's values. Raises BadRecipe."""
    varied = [override for one in choices.space for override in one.overrides(values[one.name])]
    return read_recipe(choices.recipe, [*choices.overrides, *varied])


class _Round:
    """The trials under way, from the first to the last of this session."""

    def __init__(self, choices: SweepChoices, base: Recipe, study: Study) -> None:
        self._choices, self._base, self._study = choices, base, study
        self._tryings: list[Trying] = []
        self._errors: list[str] = []
        self._has_come_through = False

    def run(self) -> None:
        left = self._study.under_way()
        if left:
            print(
                f"going on with trial {', '.join(str(each.number) for each in left)}",
                file=sys.stderr,
            )
        begun = len(self._study.tried())
        try:
            while True:
                while len(self._tryings) < self._choices.workers and (left or begun < self._wanted):
                    if not left:
                        begun += 1
                    self._begin(left.pop(0) if left else self._study.ask())
                if not self._tryings:
                    return
                time.sleep(_POLL_SECONDS)
                for trying in list(self._tryings):
                    self._look(trying)
                self._give_up_where_all_fail()
        finally:
            for trying in self._tryings:
                trying.ask_to_stop()  # all at once
            for trying in self._tryings:
                trying.stop()

    @property
    def _wanted(self) -> int:
        plan = self._choices.plan
        return (
            min(plan.trials, grid_size(self._choices.space))
            if plan.sampler == "grid"
            else plan.trials
        )

    def _begin(self, trial: Trial) -> None:
        try:
            recipe = trial_recipe(self._choices, trial.values)
        except BadRecipe as error:
            self._fail(trial, f"error: {error}", 0.0)
            return
        if not recipe.compute.threads:
            recipe = with_threads(recipe, self._choices.threads)
        folder = self._choices.out / TRIALS / f"{trial.number:03}"
        self._tryings.append(
            begin(trial, folder, recipe, self._choices.arguments, threads=recipe.compute.threads)
        )

    def _look(self, trying: Trying) -> None:
        """Take up what a trial has measured, and end it where it is over or not worth going on
        with.
        """
        has_ended = (
            trying.process.poll() is not None
        )  # asked first: what it wrote last is then seen
        is_hopeless = self._report(trying)
        if has_ended:
            self._tryings.remove(trying)
            trying.stop()
            self._end(trying)
        elif is_hopeless:
            self._tryings.remove(trying)
            trying.stop()
            self._has_come_through = True
            # Before what is for resuming goes: without that, a sweep that goes on takes the trial
            # for a complete one.
            self._study.prune(trying.trial, trying.seconds)
            trying.give_up()
            self._tell(
                trying.trial, f"pruned after epoch {max(trying.trial.curve)}", trying.seconds
            )

    def _report(self, trying: Trying) -> bool:
        is_hopeless = False
        for row in measured(trying.folder):
            epoch, value = int(row["epoch"]), row.get(self._choices.metric)
            if value is not None and epoch not in trying.trial.curve:
                is_hopeless = (
                    self._study.report(trying.trial, epoch, value) and epoch < trying.epochs
                )
        return is_hopeless

    def _end(self, trying: Trying) -> None:
        if trying.process.returncode != 0:
            self._fail(trying.trial, trying.error(), trying.seconds)
        elif not trying.trial.curve:
            found = sorted(
                {name for row in measured(trying.folder) for name in row} - set(_NO_VALIDATION)
            )
            self._fail(
                trying.trial,
                f"metrics.csv has no {self._choices.metric}; it has {', '.join(found)}",
                trying.seconds,
            )
        else:
            self._has_come_through = True
            self._study.complete(trying.trial, trying.seconds)
            self._tell(
                trying.trial,
                f"{self._choices.metric} {max(trying.trial.curve.values()):.4f}",
                trying.seconds,
            )

    def _fail(self, trial: Trial, error: str, seconds: float) -> None:
        self._study.fail(trial, error, seconds)
        self._tell(trial, f"failed, {error}", seconds)
        self._errors.append(error)

    def _tell(self, trial: Trial, what: str, seconds: float) -> None:
        from training.tuning.sweep.report import write_report

        tried = self._study.tried()
        choices = self._choices
        write_report(
            choices.out,
            tried,
            choices.space,
            lambda values: trial_recipe(choices, values),
            choices.metric,
        )
        best = best_of(tried)
        said = "" if best is None else f" (best so far: {best.value:.4f}, trial {best.number})"
        values = ", ".join(f"{name}={value}" for name, value in trial.values.items())
        print(
            f"trial {trial.number}: {what}{said}; {seconds:.0f} s; {values}",
            file=sys.stderr,
            flush=True,
        )

    def _give_up_where_all_fail(self) -> None:
        """Every trial so far says the same: it isn't the values, and more of them would only say it
        again.
        """
        is_alike = len(self._errors) >= _ALIKE_FAILURES and len(set(self._errors)) == 1
        if is_alike and not self._has_come_through:
            raise BadSweep(
                f"the first {len(self._errors)} trials all failed, with {self._errors[0]}. Mend "
                "that, and go on with "
                "--resume and more --trials"
            )


def with_threads(recipe: Recipe, threads: int) -> Recipe:
    """The recipe on so many threads."""
    return dataclasses.replace(recipe, compute=dataclasses.replace(recipe.compute, threads=threads))


def train_arguments(
    csv: Sequence[Path], photos: Sequence[Path], cache: Path, extra: Mapping[str, Path | None]
) -> tuple[str, ...]:
    """Labels, photos, `extra` ones by their options, and cache as `flukeprint train` takes them."""
    given = [
        (option, path) for option, paths in (("--csv", csv), ("--photos", photos)) for path in paths
    ]
    given += [(option, path) for option, path in extra.items() if path is not None]
    return tuple(str(word) for pair in [*given, ("--cache", cache)] for word in pair)
