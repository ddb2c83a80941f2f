"""A sweep's study: which trial comes next, what was measured, what to give up.

Optuna's only door.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from embedding.errors import FlukeprintError
from training.tuning.sweep.space import Dimension, Space

Sampler = Literal["tpe", "random", "grid"]
Pruner = Literal["median", "halving", "none"]
Standing = Literal["running", "complete", "pruned", "failed"]

_NAME = "sweep"
_SETTINGS = "settings"
_STANDINGS: Mapping[TrialState, Standing] = {
    TrialState.RUNNING: "running",
    TrialState.WAITING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


class BadStudy(FlukeprintError):
    """A study that can't be read, or that was begun otherwise."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How trials are chosen and given up (not before `prune_after` epochs).

    `seed` is of choosing, not of training.
    """

    sampler: Sampler = "tpe"
    pruner: Pruner = "median"
    trials: int = 20
    prune_after: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TrialResult:
    """A trial as it stands.

    `values` are texts, by the dimensions' names; `curve` the metric by epoch.
    """

    number: int
    standing: Standing
    values: dict[str, str]
    value: float | None
    curve: dict[int, float]
    seconds: float
    error: str = ""


@dataclass(slots=True)
class Trial:
    """A trial that is under way."""

    number: int
    values: dict[str, str]
    curve: dict[int, float]
    handle: optuna.Trial = field(repr=False)


class Study:
    """Trials in a SQLite file. One process uses it; what it has recorded survives any kill."""

    def __init__(self, path: Path, space: Space, plan: Plan) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space, self._plan = space, plan
        self._distributions = {dimension.name: _distribution(dimension) for dimension in space}
        try:
            self._study = optuna.create_study(
                storage=f"sqlite:///{path.resolve()}",
                study_name=_NAME,
                direction="maximize",
                pruner=_pruner(plan),
                load_if_exists=True,
            )
        except Exception as error:  # SQLAlchemy, SQLite and Optuna each have their own
            raise BadStudy(
                f"{path} can't be opened as a study ({error}); give another --out"
            ) from error

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """Record what the study was started with, or refuse where it was started otherwise.

        Raises BadStudy.
        """
        known = cast("dict[str, Any] | None", self._study.user_attrs.get(_SETTINGS))
        if known is None:
            self._study.set_user_attr(_SETTINGS, dict(settings))
            return
        other = [name for name in {**settings, **known} if known.get(name) != settings.get(name)]
        if other:
            other.sort(key=lambda name: name == "recipe")  # a digest explains least
            there, now = (each.get(other[0]) or "none" for each in (known, settings))
            raise BadStudy(
                f"the sweep in this --out was begun with other {', '.join(other)}: {there} "
                f"there, {now} now. Go on "
                "with the very command that began it (--trials and --workers may differ), or "
                "give another --out"
            )

    def next_trial(self) -> Trial:
        """Start the next trial."""
        started = len(self._study.get_trials(deepcopy=False))
        # A generator for each trial, so that a sweep that was stopped goes on as if it had not
        # been.
        self._study.sampler = _sampler(self._plan, started)
        if self._plan.sampler == "grid" and started < grid_size(self.space):
            self._study.enqueue_trial(_grid_point(self.space, started))
        handle = self._study.ask(self._distributions)
        return self._trial(handle.number, handle.params, {}, handle)

    def unfinished(self) -> list[Trial]:
        """Trials that were begun and not ended: of a sweep that was stopped."""
        found = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        trials: list[Trial] = []
        for each in found:
            # Optuna has no public way back to a trial that was started earlier.
            number = each._trial_id  # pyright: ignore[reportPrivateUsage]
            handle = optuna.Trial(self._study, number)
            trials.append(self._trial(each.number, each.params, _curve(each), handle))
        return trials

    def _trial(
        self, number: int, params: Mapping[str, Any], curve: dict[int, float], handle: optuna.Trial
    ) -> Trial:
        return Trial(
            number, {one.name: one.text(params[one.name]) for one in self.space}, curve, handle
        )

    def report(self, trial: Trial, epoch: int, value: float) -> bool:
        """Note a validation figure; True where the trial isn't worth going on with."""
        if epoch not in trial.curve:
            trial.curve[epoch] = value
            trial.handle.report(value, epoch)
        return trial.handle.should_prune()

    def complete(self, trial: Trial, seconds: float) -> None:
        """End a trial by the best of its figures."""
        trial.handle.set_user_attr("seconds", round(seconds, 1))
        self._study.tell(trial.handle, max(trial.curve.values()))

    def prune(self, trial: Trial, seconds: float) -> None:
        trial.handle.set_user_attr("seconds", round(seconds, 1))
        self._study.tell(trial.handle, state=TrialState.PRUNED)

    def fail(self, trial: Trial, error: str, seconds: float) -> None:
        trial.handle.set_user_attr("error", error)
        trial.handle.set_user_attr("seconds", round(seconds, 1))
        self._study.tell(trial.handle, state=TrialState.FAIL)

    def results(self) -> list[TrialResult]:
        """All trials that were begun, by number."""
        return [
            _result_of(each, self.space)
            for each in self._study.get_trials(deepcopy=False)
            if each.params
        ]

    def importance(self) -> dict[str, float]:
        """Compute each dimension's share of the figure's variance (fANOVA, Hutter et al. 2014).

        Shares sum to 1.

        Empty where too few trials are complete, or nothing differs.
        """
        complete = [each for each in self.results() if each.standing == "complete"]
        varied = [
            one.name for one in self.space if len({each.values[one.name] for each in complete}) > 1
        ]
        if len(complete) < 4 or not varied or len({each.value for each in complete}) < 2:
            return {}
        forest = optuna.importance.FanovaImportanceEvaluator(seed=0)
        found = optuna.importance.get_param_importances(
            self._study, evaluator=forest, params=varied
        )
        return {name: float(value) for name, value in found.items()}


def grid_size(space: Space) -> int:
    """How many trials a grid has. Raises BadSpace where a dimension is no list."""
    size = 1
    for dimension in space:
        size *= len(dimension.grid)
    return size


def best_of(results: Sequence[TrialResult]) -> TrialResult | None:
    """The complete trial with the highest value, the earliest of equals."""
    complete = [each for each in results if each.standing == "complete" and each.value is not None]
    return max(complete, key=lambda each: (each.value or 0.0, -each.number), default=None)


def _curve(trial: FrozenTrial) -> dict[int, float]:
    return {int(step): float(value) for step, value in sorted(trial.intermediate_values.items())}


def _result_of(trial: FrozenTrial, space: Space) -> TrialResult:
    curve = _curve(trial)
    value = trial.value if trial.state == TrialState.COMPLETE else max(curve.values(), default=None)
    return TrialResult(
        number=trial.number,
        standing=_STANDINGS[trial.state],
        values={
            one.name: one.text(trial.params[one.name]) for one in space if one.name in trial.params
        },
        value=value,
        curve=curve,
        seconds=float(trial.user_attrs.get("seconds", 0.0)),
        error=str(trial.user_attrs.get("error", "")),
    )


def _distribution(dimension: Dimension) -> BaseDistribution:
    if dimension.kind == "choice":
        return CategoricalDistribution(dimension.choices)
    if dimension.kind == "int":
        return IntDistribution(int(dimension.low), int(dimension.high), step=dimension.step)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.kind == "log")


def _grid_point(space: Space, at: int) -> dict[str, Any]:
    """The grid's point number `at`, the last dimension running fastest.

    Optuna's own grid is for its own loop only.
    """
    point: dict[str, Any] = {}
    for one in reversed(space):
        at, place = divmod(at, len(one.grid))
        point[one.name] = int(one.grid[place]) if one.kind == "int" else one.grid[place]
    return point


def _sampler(plan: Plan, started: int) -> optuna.samplers.BaseSampler:
    seed = int(np.random.SeedSequence([plan.seed, started]).generate_state(1)[0])
    if plan.sampler != "tpe":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=max(2, min(10, plan.trials // 2)))


def _pruner(plan: Plan) -> optuna.pruners.BasePruner:
    if plan.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=plan.prune_after)
    if plan.pruner == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(
            min_resource=plan.prune_after, reduction_factor=3
        )
    return optuna.pruners.NopPruner()
