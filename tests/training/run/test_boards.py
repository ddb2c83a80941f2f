"""training/run/boards.py: boards where they are installed, and the way to one that is not."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.training.run.conftest import EVERY_STEP, Killed, Train, stopped_at_write
from training.run.boards import BoardSubject, NoBoard, open_boards, require_boards

SUBJECT = BoardSubject("tiny", "d1" * 32, {"seed": 0, "schedule": {"epochs": 2}, "name": "x" * 999})


class Recorder(ModuleType):
    """Stands for a package: notes what it is called with."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*positional: Any, **named: Any) -> Any:
            self.calls.append((name, positional, named))
            begun = named.get("id") or named.get("run_id") or "r1"
            return SimpleNamespace(
                id=begun,
                info=SimpleNamespace(run_id=begun),
                log=self.log,
                finish=self.finish,
            )

        return call

    def of(self, name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        """What one of its functions was called with."""
        return [(positional, named) for called, positional, named in self.calls if called == name]


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> dict[str, Recorder]:
    found = {name: Recorder(name) for name in ("wandb", "mlflow")}
    for name, module in found.items():
        monkeypatch.setitem(sys.modules, name, module)
    return found


def test_tensorboard_gets_each_epoch_s_metrics(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for epoch, loss in enumerate([2.0, 1.5, 1.25], start=1):  # opened anew, as by --resume
        with open_boards(("tensorboard",), tmp_path, SUBJECT) as boards:
            boards[0].add({"epoch": epoch, "loss": loss, "score": epoch / 4})
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(each.step, each.value) for each in events.Scalars("loss")] == [
        (1, 2.0),
        (2, 1.5),
        (3, 1.25),
    ]
    assert sorted(events.Tags()["scalars"]) == ["loss", "score"]


def test_wandb_gets_choices_and_metrics_and_goes_on(
    packages: dict[str, Recorder], tmp_path: Path
) -> None:
    for epoch in (1, 2):
        with open_boards(("wandb",), tmp_path, SUBJECT) as boards:
            boards[0].add({"epoch": epoch, "loss": 1.5})
    wandb = packages["wandb"]
    first, second = (named for _, named in wandb.of("init"))
    assert (first["id"], second["id"], second["resume"]) == (None, "r1", "allow")
    assert first["config"] == SUBJECT.choices
    assert first["dir"] == str(tmp_path)
    assert wandb.of("log") == [(({"loss": 1.5},), {"step": epoch}) for epoch in (1, 2)]
    assert len(wandb.of("finish")) == 2


def test_mlflow_gets_choices_and_metrics_and_goes_on(
    packages: dict[str, Recorder], tmp_path: Path
) -> None:
    for epoch in (1, 2):
        with open_boards(("mlflow",), tmp_path, SUBJECT) as boards:
            boards[0].add({"epoch": epoch, "loss": 1.5})
    mlflow = packages["mlflow"]
    first, second = (named for _, named in mlflow.of("start_run"))
    assert (first, second) == ({"run_name": f"tiny {tmp_path.name}"}, {"run_id": "r1"})
    ((parameters,), _), *more = mlflow.of("log_params")
    assert more == []
    assert parameters == {"seed": "0", "schedule.epochs": "2", "name": "x" * 250}
    assert mlflow.of("log_metrics") == [(({"loss": 1.5},), {"step": epoch}) for epoch in (1, 2)]
    assert len(mlflow.of("end_run")) == 2


def test_a_run_tells_its_boards_of_every_epoch_once(
    packages: dict[str, Recorder], run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stopped_at_write(patch, 6, before=False)
        with pytest.raises(Killed):
            run(tmp_path / "run", *EVERY_STEP, boards=("wandb", "mlflow"))
    run(tmp_path / "run", *EVERY_STEP, boards=("wandb", "mlflow"), resume=True)
    steps = [named["step"] for _, named in packages["wandb"].of("log")]
    assert steps == [named["step"] for _, named in packages["mlflow"].of("log_metrics")]
    assert sorted(set(steps)) == [1, 2]
    config = packages["wandb"].of("init")[0][1]["config"]
    assert config["batches"]["individuals"] == 6


def test_a_board_that_can_not_begin_ends_the_run_before_its_first_step(
    packages: dict[str, Recorder], run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise ConnectionError("no server\nthere")

    monkeypatch.setattr(packages["mlflow"], "start_run", refuse, raising=False)
    with pytest.raises(NoBoard, match=r"can't begin: no server there\. See .*MLFLOW_TRACKING_URI"):
        run(tmp_path / "run", boards=("wandb", "mlflow"))
    assert len(packages["wandb"].of("finish")) == 1
    assert not (tmp_path / "run" / "metrics.csv").exists()


@pytest.mark.parametrize(
    ("kind", "name"),
    [("tensorboard", "TensorBoard"), ("wandb", "Weights & Biases"), ("mlflow", "MLflow")],
)
def test_without_the_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, kind: str, name: str
) -> None:
    monkeypatch.setitem(sys.modules, kind, None)
    with pytest.raises(
        NoBoard, match=rf"{name} is not installed: pip install 'flukeprint\[{kind}\]'"
    ):
        require_boards([kind])


def test_an_unknown_board_is_refused() -> None:
    with pytest.raises(NoBoard, match="--board neptune; allowed are tensorboard, wandb, mlflow"):
        require_boards(["neptune"])
    assert require_boards([]) == ()
