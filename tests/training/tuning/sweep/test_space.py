"""training/tuning/sweep/space.py: what can be varied, in both notations, and the slips that are
refused.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from training.tuning.sweep.space import BadSpace, Dimension, check_space, read_space


def test_every_form_is_read() -> None:
    space = read_space(
        None,
        [
            "optimiser.rate=log(1e-4,1e-2)",
            "augmentation.shift=uniform(0, 0.2)",
            "batches.individuals=int(8,21,4)",
            "optimiser.kind=adamw|sgd",
            "input.width_px,input.height_px=64|96",
            "augmentation.zoom=[[0.9, 1.1], [0.8, 1.2]]",
        ],
    )
    assert space == (
        Dimension(("optimiser.rate",), "log", low=1e-4, high=1e-2),
        Dimension(("augmentation.shift",), "float", low=0.0, high=0.2),
        Dimension(("batches.individuals",), "int", low=8, high=20, step=4),
        Dimension(("optimiser.kind",), "choice", ("adamw", "sgd")),
        Dimension(("input.width_px", "input.height_px"), "choice", ("64", "96")),
        Dimension(("augmentation.zoom",), "choice", ("[0.9, 1.1]", "[0.8, 1.2]")),
    )
    assert space[2].grid == ("8", "12", "16", "20")
    assert space[4].overrides("96") == ["input.width_px=96", "input.height_px=96"]
    assert (space[0].text(0.001), space[2].text(12.0)) == ("0.001", "12")
    check_space(space, "tiny", ())


def test_a_file_says_the_same_and_a_text_wins_over_it(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    file.write_text(
        '[space]\noptimiser.rate = {low = 1e-4, high = 1e-2, log = true}\n"optimiser.kind" = '
        '["adamw", "sgd"]\n'
        '"batches.individuals" = {low = 8, high = 20, step = 4}\n"augmentation.shift" = {low = '
        "0.0, high = 0.2}\n"
        '"compute.channels_last" = [true, false]\n'
    )
    texts = [
        "optimiser.rate=log(1e-4,1e-2)",
        "optimiser.kind=adamw|sgd",
        "batches.individuals=int(8,20,4)",
        "augmentation.shift=uniform(0,0.2)",
        "compute.channels_last=true|false",
    ]
    assert read_space(file, ()) == read_space(None, texts)
    assert read_space(file, ["optimiser.kind=adam|sgd"])[1].choices == ("adam", "sgd")


@pytest.mark.parametrize(
    ("varied", "said"),
    [
        ((), "nothing is varied"),
        (("optimiser.rate",), "give KEY=VALUES"),
        (("optimiser.rate=log(1e-2,1e-4)",), "the smaller number comes first"),
        (("optimiser.rate=log(0,1)",), "above 0 for log"),
        (("optimiser.rate=log(a,b)",), "are no numbers"),
        (("optimiser.rate=uniform(0,1,2)",), "allowed are log"),
        (("batches.individuals=int(1.5,3)",), "whole numbers"),
        (("optimiser.kind=sgd",), "give two or more"),
        (("input.width_px=32|64", "input.width_px,input.height_px=32|64"), "varied twice"),
        (("data.split_seed=0|1",), "decides which photos are asked about"),
    ],
)
def test_slips_are_named(varied: tuple[str, ...], said: str) -> None:
    with pytest.raises(BadSpace, match=said):
        read_space(None, varied)


def test_a_file_that_is_no_space_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    with pytest.raises(BadSpace, match="can't be read"):
        read_space(file, ())
    file.write_text("[spaces]\n")
    with pytest.raises(BadSpace, match=r"allowed is one table, \[space\]"):
        read_space(file, ())
    file.write_text('[space]\n"optimiser.rate" = 0.1\n')
    with pytest.raises(BadSpace, match="allowed are a list of values"):
        read_space(file, ())


def test_values_that_the_recipe_refuses_are_found_before_a_trial() -> None:
    with pytest.raises(BadSpace, match=r"optimiser.rat = .*known are kind, rate"):
        check_space(read_space(None, ["optimiser.rat=log(1e-4,1e-2)"]), "tiny", ())
    with pytest.raises(BadSpace, match=r"optimiser.kind = sdg is not for this recipe"):
        check_space(read_space(None, ["optimiser.kind=adamw|sdg"]), "tiny", ())
    with pytest.raises(BadSpace, match=r"network.dropout = 1\.5 is not"):
        check_space(read_space(None, ["network.dropout=uniform(0,1.5)"]), "tiny", ())


def test_a_range_has_no_grid() -> None:
    with pytest.raises(BadSpace, match="a grid needs values"):
        _ = read_space(None, ["optimiser.rate=log(1e-4,1e-2)"])[0].grid
