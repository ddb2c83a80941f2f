"""training/learning/resume.py: a run goes on from its file as if it had never stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from embedding.networks.network import Network, NetworkConfig
from training.learning.optimisation import build_optimiser, moving_average
from training.learning.resume import BadState, Position, load_state, save_state
from training.recipes.choices import OptimiserChoices

POSITION = Position(3, 17, 0.1 + 0.2, 0.75, 2, 0.09, 4, 12.5, [{"epoch": 1, "loss": 1 / 3}])


class Trained:
    """A small network, its average, a head and an optimiser, trained on fixed noise."""

    def __init__(self, kind: str, seed: int = 0, *, momentum: float = 0.9) -> None:
        torch.manual_seed(seed)
        self.network = Network(NetworkConfig("test_resnet", embedding_dim=4)).to(
            memory_format=torch.channels_last
        )
        self.head = nn.Linear(4, 3, bias=False)
        self.average = moving_average(self.network, 0.9)
        choices = OptimiserChoices(kind=kind, rate=0.01, momentum=momentum)  # type: ignore[arg-type]
        self.optimiser = build_optimiser(self.network, self.head, choices)

    @property
    def modules(self) -> dict[str, nn.Module]:
        return {"network": self.network, "average": self.average, "losses": self.head}

    def steps(self, *seeds: int) -> None:
        for seed in seeds:
            images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
            images = images.contiguous(memory_format=torch.channels_last)
            self.optimiser.zero_grad()
            self.head(self.network(images)).square().sum().backward()
            self.optimiser.step()
            self.average.update_parameters(self.network)

    def tensors(self) -> dict[str, torch.Tensor]:
        return {
            f"{key}/{name}": v
            for key, m in self.modules.items()
            for name, v in m.state_dict().items()
        }


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_a_stopped_run_goes_on_to_the_same_bits(kind: str, tmp_path: Path) -> None:
    straight = Trained(kind)
    straight.steps(1, 2)
    save_state(tmp_path / "s", POSITION, straight.modules, straight.optimiser, "d1")
    straight.steps(3, 4, 5)
    resumed = Trained(kind, seed=99)
    assert load_state(tmp_path / "s", resumed.modules, resumed.optimiser, "d1") == POSITION
    resumed.steps(3, 4, 5)
    wanted = straight.tensors()
    assert all(torch.equal(value, wanted[name]) for name, value in resumed.tensors().items())


def test_the_optimiser_s_numbers_lie_in_memory_as_the_weights_do(tmp_path: Path) -> None:
    straight, resumed = Trained("adamw"), Trained("adamw", seed=99)
    straight.steps(1)
    save_state(tmp_path / "s", POSITION, straight.modules, straight.optimiser, "d")
    load_state(tmp_path / "s", resumed.modules, resumed.optimiser, "d")
    weights = [weight for weight in resumed.network.parameters() if weight.ndim == 4]
    assert any(not weight.is_contiguous() for weight in weights)
    assert all(
        resumed.optimiser.state[weight]["exp_avg"].stride() == weight.stride() for weight in weights
    )


def test_a_state_before_the_first_step_is_one_too(tmp_path: Path) -> None:
    begun, other = Trained("sgd", momentum=0.0), Trained("sgd", seed=9, momentum=0.0)
    save_state(tmp_path / "s", Position(), begun.modules, begun.optimiser, "d")
    assert load_state(tmp_path / "s", other.modules, other.optimiser, "d") == Position()
    begun.steps(1)
    other.steps(1)
    save_state(
        tmp_path / "s", Position(), begun.modules, begun.optimiser, "d"
    )  # a slot may hold None
    load_state(tmp_path / "s", other.modules, other.optimiser, "d")
    assert all(torch.equal(value, begun.tensors()[name]) for name, value in other.tensors().items())


@pytest.fixture
def state(tmp_path: Path) -> Path:
    trained = Trained("adam")
    trained.steps(1)
    save_state(tmp_path / "resume.safetensors", POSITION, trained.modules, trained.optimiser, "d1")
    return tmp_path / "resume.safetensors"


def refused(path: Path, said: str, trained: Trained | None = None) -> None:
    trained = trained or Trained("adam")
    with pytest.raises(BadState, match=said):
        load_state(path, trained.modules, trained.optimiser, "d1")


def test_a_state_of_another_recipe_is_refused(state: Path) -> None:
    trained = Trained("adam")
    with pytest.raises(
        BadState, match=r"belongs to another recipe .* the very command that started the run"
    ):
        load_state(state, trained.modules, trained.optimiser, "d2")


def test_a_state_that_does_not_fit_the_network_is_refused(state: Path) -> None:
    other = Trained("adam")
    other.head = nn.Linear(4, 7, bias=False)
    refused(state, r"(?s)doesn't fit the run .*size mismatch", other)


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.5, 0.99])
def test_a_damaged_state_is_refused(share: float, state: Path) -> None:
    data = state.read_bytes()
    state.write_bytes(data[: int(len(data) * share)])
    refused(state, "is damaged .* start the run anew")


def test_an_absent_or_foreign_file_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "absent", "nothing to resume: there is no .*absent")
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign")
    refused(tmp_path / "foreign", "not a resume file of this version")


def test_a_state_is_safetensors_with_its_position_in_json(state: Path) -> None:
    from safetensors import safe_open

    with safe_open(state, framework="np") as file:
        assert json.loads(file.metadata()["position"])["loss_sum"] == 0.1 + 0.2  # to the last bit
        assert "optimiser/0/exp_avg" in file.keys()  # noqa: SIM118
