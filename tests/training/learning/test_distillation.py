"""training/learning/distillation.py: a student is drawn to the teacher's cosines, whatever their
dimensions.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from embedding.checkpoint import CheckpointHeader, save_checkpoint
from embedding.networks.backbone import BadNetwork
from embedding.networks.config import MirrorFusion
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.preprocessing import Preprocessing
from training.learning.distillation import Teacher
from training.recipes.choices import DistillationChoices

CPU = torch.device("cpu")


@pytest.fixture
def teacher(tmp_path: Path) -> Teacher:
    torch.manual_seed(1)
    network = Network(NetworkConfig("test_resnet", 6))
    header = CheckpointHeader(network.config.to_dict(), Preprocessing(32, 32), {"name": "x"})
    save_checkpoint(tmp_path / "teacher.safetensors", network.state_dict(), header)
    choices = DistillationChoices(teacher=str(tmp_path / "teacher.safetensors"), weight=3.0)
    return Teacher(choices, Preprocessing(32, 32), CPU)


def test_the_loss_is_the_mean_squared_difference_of_cosines(teacher: Teacher) -> None:
    rng = np.random.default_rng(2)
    own, shown = rng.normal(size=(5, 4)), rng.normal(size=(5, 6))

    def cosines(rows: np.ndarray) -> np.ndarray:
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit @ unit.T

    expected = 3.0 * np.mean((cosines(own) - cosines(shown)) ** 2)
    assert float(teacher.loss(torch.from_numpy(own), torch.from_numpy(shown))) == pytest.approx(
        expected
    )


@pytest.mark.parametrize(
    ("mirror_fusion", "odd_dims", "is_twice"),
    [("sum", None, 0), ("separate", None, 0), ("separate", 2, 1)],
)
def test_axes_chosen_for_two_looks_are_taught_by_two(
    mirror_fusion: MirrorFusion, odd_dims: int | None, is_twice: int, tmp_path: Path
) -> None:
    torch.manual_seed(3)
    network = Network(
        NetworkConfig("test_resnet", 6, mirror_fusion=mirror_fusion, odd_dims=odd_dims)
    )
    path = tmp_path / "teacher.safetensors"
    header = CheckpointHeader(network.config.to_dict(), Preprocessing(32, 32), {"name": "x"})
    save_checkpoint(path, network.state_dict(), header)
    teacher = Teacher(DistillationChoices(teacher=str(path)), Preprocessing(32, 32), CPU)
    images = torch.randn(3, 3, 32, 32)
    shown, one = teacher.embed(images), teacher.network(images)
    two = teacher.network.both_views(images)
    torch.testing.assert_close(shown, two if is_twice else one)


def test_a_teacher_learns_nothing(teacher: Teacher) -> None:
    images = torch.randn(3, 3, 32, 32)
    before = teacher.embed(images)
    assert before.shape == (3, 6)
    assert not before.requires_grad
    assert torch.equal(teacher.embed(images), before)  # no batch statistics move
    assert not any(weight.requires_grad for weight in teacher.network.parameters())


def test_a_teacher_of_another_input_is_refused(teacher: Teacher, tmp_path: Path) -> None:
    choices = DistillationChoices(teacher=str(tmp_path / "teacher.safetensors"))
    with pytest.raises(BadNetwork, match="takes another input than the recipe"):
        Teacher(choices, Preprocessing(64, 32), CPU)


def test_the_loss_s_gradient_leads_to_the_teacher_s_cosines(teacher: Teacher) -> None:
    torch.manual_seed(4)
    shown, own = torch.randn(8, 6), torch.randn(8, 6, requires_grad=True)
    optimiser = torch.optim.Adam([own], lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        teacher.loss(own, shown).backward()
        optimiser.step()
    assert float(teacher.loss(own, shown).detach()) < 0.01


def test_an_absent_teacher_is_refused_with_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(BadNetwork, match=r"there is no such file\. Allowed are"):
        Teacher(DistillationChoices(teacher=str(tmp_path / "nobody")), Preprocessing(32, 32), CPU)
