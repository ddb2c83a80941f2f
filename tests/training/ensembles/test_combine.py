"""training/ensembles/combine.py: members of one input become one checkpoint that answers with the
mean of theirs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from embedding.checkpoint import (
    DEFAULT_CHECKPOINT,
    LOCATOR_PREFIX,
    BadCheckpoint,
    CheckpointHeader,
    load_weights,
    read_header,
    save_checkpoint,
)
from embedding.embedder import Embedder
from embedding.networks.locator import Locator
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import read_photo
from embedding.photos.preprocessing import FitRule, Preprocessing
from index.labels.reader import LabelledPhoto
from training.classification.classifier import Classifier, add_classifier
from training.ensembles.combine import BadEnsemble, combine
from training.ensembles.fit_gate import BadExperts
from training.ensembles.reduce_dimensions import BadDimensions


def member(
    path: Path, seed: int, *, width_px: int = 32, fit: FitRule = "squash", has_locator: bool = False
) -> Path:
    torch.manual_seed(seed)
    network = Network(NetworkConfig("test_resnet", 8))
    weights = dict(network.state_dict())
    if has_locator:
        weights |= {LOCATOR_PREFIX + name: value for name, value in Locator().state_dict().items()}
    card = {"name": f"seed {seed}", "photos": 5}
    header = CheckpointHeader(
        network.config.to_dict(), Preprocessing(width_px, 32, fit=fit), card, has_locator
    )
    save_checkpoint(path, weights, header)
    return path


def test_an_ensemble_s_cosines_are_the_mean_of_its_members_(tmp_path: Path) -> None:
    """To the flip: an embedding is made of a photo and its mirror image, whose lengths differ by
    member.
    """
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    combine(paths, tmp_path / "both.safetensors", "both")
    pixels = np.random.default_rng(3).integers(0, 256, (4, 32, 32, 3), np.uint8)
    pixels = np.concatenate([pixels, pixels[:, :, ::-1]], axis=2)  # their own mirror images
    pixels = np.ascontiguousarray(pixels[:, :, 16:48])
    apart = [Embedder.load(path).embed_pixels(pixels) for path in paths]
    together = Embedder.load(tmp_path / "both.safetensors").embed_pixels(pixels)
    mean = np.mean([vectors @ vectors.T for vectors in apart], axis=0)
    assert together.shape == (4, 16)
    assert np.allclose(together @ together.T, mean, atol=2e-3)


def test_the_card_keeps_the_members_and_the_first_s_locator_is_taken(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed, has_locator=True) for seed in (1, 2)]
    fingerprint = combine(paths, tmp_path / "both.safetensors", "both")
    header = read_header(tmp_path / "both.safetensors")
    assert header.card["name"] == "both"
    assert [one["name"] for one in header.card["members"]] == ["seed 1", "seed 2"]
    assert header.card["photos"] == 5
    found, first = Embedder.load(tmp_path / "both.safetensors"), Embedder.load(paths[0])
    assert found.fingerprint == fingerprint
    assert found.locator is not None
    assert first.locator is not None
    for name, value in first.locator.state_dict().items():
        assert torch.equal(found.locator.state_dict()[name], value)


def test_members_of_another_size_scale_what_the_largest_sees(tmp_path: Path) -> None:
    paths = [
        member(tmp_path / "a.safetensors", 1),
        member(tmp_path / "b.safetensors", 2, width_px=48),
    ]
    combine(paths, tmp_path / "both.safetensors", "both")
    header = read_header(tmp_path / "both.safetensors")
    assert header.preprocessing.width_px == 48
    assert [one.get("input_px") for one in header.network["members"]] == [[32, 32], None]
    pixels = np.full((1, 32, 48, 3), 77, np.uint8)  # of one colour, so that scaling changes nothing
    both = Embedder.load(tmp_path / "both.safetensors").embed_pixels(pixels)[0]
    alone = [
        Embedder.load(path).embed_pixels(pixels[:, :, :width])[0]
        for path, width in zip(paths, (32, 48), strict=True)
    ]
    assert np.allclose(both, np.concatenate(alone) / np.sqrt(2), atol=1e-3)


def test_inputs_that_differ_in_more_than_size_are_refused(tmp_path: Path) -> None:
    paths = [
        member(tmp_path / "a.safetensors", 1),
        member(tmp_path / "b.safetensors", 2, fit="pad"),
    ]
    with pytest.raises(
        BadEnsemble, match=r"\.safetensors takes another input .* only width_px and height_px"
    ):
        combine(paths, tmp_path / "both.safetensors", "both")
    assert not (tmp_path / "both.safetensors").exists()


def test_a_named_locator_is_taken(tmp_path: Path) -> None:
    paths = [
        member(tmp_path / f"{seed}.safetensors", seed, has_locator=seed > 1) for seed in (1, 2, 3)
    ]
    combine(paths[:2], tmp_path / "both.safetensors", "both", locator=paths[2])
    found, wanted = (
        Embedder.load(tmp_path / "both.safetensors").locator,
        Embedder.load(paths[2]).locator,
    )
    assert found is not None
    assert wanted is not None
    assert torch.equal(found.state_dict()["last.weight"], wanted.state_dict()["last.weight"])
    with pytest.raises(BadEnsemble, match=r"1\.safetensors has no locator"):
        combine(paths[:2], tmp_path / "both.safetensors", "both", locator=paths[0])


def photos_of(folder: Path, species: str, colour: tuple[int, int, int]) -> list[LabelledPhoto]:
    folder.mkdir()
    rng = np.random.default_rng(len(species))
    photos: list[LabelledPhoto] = []
    for at in range(24):
        path = folder / f"{at}.png"
        noise = rng.integers(0, 60, (32, 32, 3))
        Image.fromarray((np.array(colour) + noise).astype(np.uint8)).save(path)
        photos.append(
            LabelledPhoto(
                f"{species}/{at}.png", path, f"{species}/{at % 6}", species, None, None, None
            )
        )
    return photos


def test_experts_answer_for_their_species(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    photos = [
        *photos_of(tmp_path / "m", "minke", (190, 10, 10)),
        *photos_of(tmp_path / "o", "orca", (10, 10, 190)),
    ]
    out = tmp_path / "both.safetensors"
    combine(paths, out, "both", experts={"orca": [2]}, photos=photos)
    header = read_header(out)
    assert header.network["gate"]["shares"] == {"minke": [0.5, 0.5], "orca": [0.0, 1.0]}
    assert header.card["gate_finds"] == {"minke": 1.0, "orca": 1.0}
    embedder = Embedder.load(out)
    minke, orca = embedder.embed([read_photo(photos[0].path), read_photo(photos[-1].path)])
    assert np.linalg.norm(minke[:8]) == pytest.approx(0.5**0.5, abs=0.02)
    assert np.linalg.norm(orca[:8]) < 0.1
    assert (
        header.network["gate"]["looks"] == 1
    )  # the second answers for more than the first: it isn't asked whose a photo is
    combine(
        [*paths, paths[0]],
        tmp_path / "three.safetensors",
        "three",
        experts={"minke": [1, 2], "orca": [3]},
        photos=photos,
    )
    assert read_header(tmp_path / "three.safetensors").network["gate"]["looks"] == 2
    for experts, said in [
        (
            {"beluga": [1]},
            "--expert names 'beluga', of which no photo was given; the species are minke, orca",
        ),
        ({"orca": [3]}, r"the experts for orca are \[3\]; the members are 1 to 2"),
    ]:
        with pytest.raises(BadExperts, match=said):
            combine(paths, tmp_path / "no.safetensors", "no", experts=experts, photos=photos)
    assert not (tmp_path / "no.safetensors").exists()


def test_members_told_to_keep_mirror_images_apart_do(tmp_path: Path) -> None:
    """At full width exactly; brought down, by the longest axes of the looks' sums and of their
    differences.
    """
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    photos = photos_of(tmp_path / "m", "minke", (190, 10, 10))
    pixels = np.random.default_rng(3).integers(0, 256, (6, 32, 32, 3), np.uint8)
    cosines: dict[str, np.ndarray] = {}
    for name, dimensions, apart in [
        ("whole", (), (1, 2)),
        ("all", [16], (1, 2)),
        ("one", [8], (2,)),
        ("few", [2], (1, 2)),
    ]:
        out = tmp_path / f"{name}.safetensors"
        combine(
            paths,
            out,
            name,
            dimensions=dimensions,
            apart=apart,
            photos=photos if dimensions else (),
        )
        members = read_header(out).network["members"]
        assert [one.get("mirror_fusion", "sum") for one in members] == [
            "separate" if at in apart else "sum" for at in (1, 2)
        ]
        assert [("odd_dims" in one) for one in members] == [
            bool(dimensions) and at in apart for at in (1, 2)
        ]
        embedder = Embedder.load(out)
        vectors = embedder.embed_pixels(pixels)
        assert vectors.shape == (6, embedder.dimension) == (6, 2 * (dimensions or [16])[0])
        cosines[name] = vectors @ vectors.T
    looks: list[np.ndarray] = []
    for path in paths:
        network = Embedder.load(path).network
        with torch.no_grad():
            images = ((torch.from_numpy(pixels).float() / 255 - 0.5) / 0.5).permute(0, 3, 1, 2)
            for side in (images, images.flip(3)):
                unit = torch.nn.functional.normalize(network(side))
                looks.append((unit @ unit.T).numpy())
    assert np.allclose(cosines["whole"], np.mean(looks, axis=0), atol=2e-3)
    assert np.allclose(
        cosines["all"], cosines["whole"], atol=2e-3
    )  # eight even axes and eight odd ones are all
    assert [
        one.get("odd_dims") for one in read_header(tmp_path / "all.safetensors").network["members"]
    ] == [8, 8]
    assert np.abs(cosines["few"] - cosines["whole"]).max() > 2e-3
    # Experts' gate goes by one look, however many numbers an embedding has.
    photos = [*photos, *photos_of(tmp_path / "o", "orca", (10, 10, 190))]
    out = tmp_path / "experts.safetensors"
    combine(paths, out, "experts", experts={"orca": [2]}, apart=(1, 2), photos=photos)
    embedder = Embedder.load(out)
    minke, orca = embedder.embed([read_photo(photos[0].path), read_photo(photos[-1].path)])
    assert minke.shape == (32,)
    assert np.linalg.norm(minke[:16]) == pytest.approx(0.5**0.5, abs=0.02)
    assert np.linalg.norm(orca[:16]) < 0.1
    with pytest.raises(BadEnsemble, match=r"--apart \[3\]; the members are 1 to 2"):
        combine(paths, tmp_path / "no.safetensors", "no", apart=[3])
    assert not (tmp_path / "no.safetensors").exists()


def test_one_checkpoint_and_an_ensemble_are_refused(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    with pytest.raises(BadEnsemble, match="two or more"):
        combine(paths[:1], tmp_path / "both.safetensors", "both")
    combine(paths, tmp_path / "both.safetensors", "both")
    with pytest.raises(
        BadEnsemble, match=r"an ensemble already; .*: .*both.safetensors@1 to .*both.safetensors@2"
    ):
        combine([paths[0], tmp_path / "both.safetensors"], tmp_path / "more.safetensors", "more")


def test_an_ensemble_s_member_is_exchanged(tmp_path: Path) -> None:
    paths = [member(tmp_path / "1.safetensors", 1, has_locator=True)]
    paths += [member(tmp_path / f"{seed}.safetensors", seed, width_px=48) for seed in (2, 3)]
    both, exchanged, anew = (
        tmp_path / f"{name}.safetensors" for name in ("both", "exchanged", "anew")
    )
    combine(paths[:2], both, "both")
    combine([Path(f"{both}@1"), paths[2]], exchanged, "exchanged")
    combine([paths[0], paths[2]], anew, "exchanged")
    assert (
        exchanged.read_bytes() == anew.read_bytes()
    )  # weights, sizes, card and locator are those of the first
    combine([Path(f"{both}@2"), paths[0]], exchanged, "exchanged", locator=Path(f"{both}@2"))
    combine([paths[1], paths[0]], anew, "exchanged", locator=paths[0])
    assert exchanged.read_bytes() == anew.read_bytes()
    named = tmp_path / "odd@2"
    paths[0].rename(named)
    combine([named, paths[2]], exchanged, "exchanged")  # a file of that very name is itself
    assert [one["name"] for one in read_header(exchanged).card["members"]] == ["seed 1", "seed 3"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("both.safetensors@3", r"member 3 was asked for; it has members 1 to 2"),
        (
            "1.safetensors@1",
            r"member 1 was asked for; it has no members; give the file without a number",
        ),
        ("absent.safetensors@1", r"there is no checkpoint at .*absent.safetensors;"),
        (
            "both.safetensors@x",
            r"@x: there is no such file, and 'x' is no member's number; give FILE@2",
        ),
        (
            "both.safetensors@0",
            r"both.safetensors@0: there is no such file, and '0' is no member's number",
        ),
        (
            "both.safetensors@",
            r"both.safetensors@: there is no such file, and '' is no member's number",
        ),
        ("both.safetensors@1234567", r"no such file, and '1234567' is no member's number"),
    ],
)
def test_a_member_that_is_none_is_refused(given: str, told: str, tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    combine(paths, tmp_path / "both.safetensors", "both")
    with pytest.raises((BadCheckpoint, BadEnsemble), match=told):
        combine([tmp_path / given, paths[0]], tmp_path / "no.safetensors", "no")
    assert not (tmp_path / "no.safetensors").exists()


def test_the_shipped_checkpoint_is_named_default(tmp_path: Path) -> None:
    out = tmp_path / "heads.safetensors"
    combine(
        [Path("default@3"), Path("default@4")], out, "heads", locator=Path("default"), dimensions=[]
    )
    header, shipped = read_header(out), read_header(DEFAULT_CHECKPOINT)
    kept = ("backbone", "embedding_dim", "mirror_fusion", "odd_dims", "mirror")
    for one, own in zip(header.network["members"], shipped.network["members"][2:4], strict=True):
        assert {name: one[name] for name in kept} == {name: own[name] for name in kept}
    weights, whole = load_weights(out), load_weights(DEFAULT_CHECKPOINT)
    assert torch.equal(weights["members.1.project.weight"], whole["members.3.project.weight"])
    assert torch.equal(
        weights[f"{LOCATOR_PREFIX}last.weight"], whole[f"{LOCATOR_PREFIX}last.weight"]
    )
    assert (header.preprocessing.width_px, header.preprocessing.height_px) == (192, 136)


def test_an_ensemble_s_member_stays_as_it_is_at_its_dimensions(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    photos = photos_of(tmp_path / "m", "minke", (190, 10, 10))
    thin, again = tmp_path / "thin.safetensors", tmp_path / "again.safetensors"
    combine(paths, thin, "thin", dimensions=[4], photos=photos)
    others = photos_of(tmp_path / "o", "orca", (10, 10, 190))
    combine([Path(f"{thin}@2"), paths[0]], again, "again", dimensions=[4, 3], photos=others)
    before, after = load_weights(thin), load_weights(again)
    assert torch.equal(after["members.0.project.weight"], before["members.1.project.weight"])
    assert after["members.1.project.weight"].shape[0] == 3


def test_axes_of_two_looks_are_chosen_once(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    photos = photos_of(tmp_path / "m", "minke", (190, 10, 10))
    thin, again = tmp_path / "thin.safetensors", tmp_path / "again.safetensors"
    combine(paths, thin, "thin", dimensions=[4], apart=(1,), photos=photos)
    combine([Path(f"{thin}@1"), paths[1]], again, "again", dimensions=[4, 5], photos=photos)
    before, after = read_header(thin).network["members"], read_header(again).network["members"]
    assert after[0] == before[0]
    assert after[1]["embedding_dim"] == 5
    image = read_photo(photos[0].path)
    ours, theirs = (Embedder.load(path).embed([image])[0, :4] for path in (thin, again))
    assert ours @ theirs == pytest.approx(
        np.linalg.norm(ours) * np.linalg.norm(theirs), abs=1e-6
    )  # of one direction
    with pytest.raises(
        BadDimensions,
        match=r"thin.safetensors@1 was brought down to 4 dimensions before.*to 3; give 4",
    ):
        combine(
            [Path(f"{thin}@1"), paths[1]],
            tmp_path / "no.safetensors",
            "no",
            dimensions=[3, 5],
            photos=photos,
        )


def test_fewer_dimensions_keep_the_cosines(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    photos = photos_of(tmp_path / "m", "minke", (190, 10, 10))
    images = [read_photo(photo.path) for photo in photos]
    combine(paths, tmp_path / "whole.safetensors", "whole")
    combine(paths, tmp_path / "same.safetensors", "same", dimensions=[8], photos=photos)
    combine(paths, tmp_path / "thin.safetensors", "thin", dimensions=[3], photos=photos)
    whole, same, thin = (
        Embedder.load(tmp_path / f"{name}.safetensors").embed(images)
        for name in ("whole", "same", "thin")
    )
    assert (whole.shape[1], same.shape[1], thin.shape[1]) == (16, 16, 6)
    assert np.allclose(same @ same.T, whole @ whole.T, atol=2e-3)
    assert np.allclose(thin @ thin.T, whole @ whole.T, atol=0.02)
    with pytest.raises(
        BadDimensions, match=r"9 dimensions of embeddings that have 8, .* allowed are 1 to 8"
    ):
        combine(paths, tmp_path / "no.safetensors", "no", dimensions=[9], photos=photos)


def test_each_member_has_dimensions_of_its_own(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    photos = photos_of(tmp_path / "m", "minke", (190, 10, 10))
    combine(paths, tmp_path / "each.safetensors", "each", dimensions=[3, 5], photos=photos)
    assert [
        one["embedding_dim"]
        for one in read_header(tmp_path / "each.safetensors").network["members"]
    ] == [3, 5]
    assert Embedder.load(tmp_path / "each.safetensors").embed(
        [read_photo(photos[0].path)]
    ).shape == (1, 8)
    with pytest.raises(
        BadEnsemble, match="--dimensions gives 3 numbers for 2 members; give one, or one for each"
    ):
        combine(paths, tmp_path / "no.safetensors", "no", dimensions=[3, 5, 4], photos=photos)


def test_a_member_s_classes_stay_behind(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    combine(paths, tmp_path / "plain.safetensors", "both")
    rows, none = np.eye(2, 8, dtype=np.float32), np.zeros(2, np.float32)
    add_classifier(
        paths[0], Classifier(("cat", "dog"), "centres", rows, np.zeros(0, np.int64), none)
    )
    combine(paths, tmp_path / "both.safetensors", "both")
    assert (tmp_path / "both.safetensors").read_bytes() == (
        tmp_path / "plain.safetensors"
    ).read_bytes()
