"""The commands that ask a catalogue who is in photos: identify, submit."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_args

import typer

from embedding.photos.box import as_rows
from index.commands.options import (
    ApiKeyOption,
    CatalogueOption,
    CheckpointOption,
    JsonOption,
    PhotoArguments,
    PrecisionOption,
    RuntimeOption,
    ServerOption,
    load_embedder,
    refuse_mixture,
    refuse_out,
)
from index.messages import Unread, photos_text, print_message, print_unread
from index.search.matching import Source, with_damage

if TYPE_CHECKING:
    from index.calibration.calibration import Calibration
    from index.calibration.curves.new_share import ShareEstimate
    from index.identification.identifier import Identifier
    from index.identification.submission import SubmissionForm
    from index.photos.embed import EmbeddedPhoto, PhotoEmbedder, UnreadPhoto
    from index.search.gallery import Gallery
    from index.search.matching import Identification, Score, Thresholds
    from index.search.species import SpeciesFit
    from index.storage.address import CatalogueAddress

ScoreOption = Annotated[
    str,
    typer.Option(
        "--score",
        help="How near an individual is: as its `nearest` photo, as the `centre` of its photos, "
        "or `blend`, the mean "
        "of both.",
    ),
]

EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        envvar="FLUKEPRINT_ENGINE",
        help="How photos are searched: `auto`, `flat`, `pq`, or in the catalogue's own PostgreSQL "
        "`pgvector` and `pgvector-hnsw`, or on a Milvus server `milvus://HOST:PORT`; these read no "
        "vectors first.",
    ),
]

AnimalThresholdOption = Annotated[
    float | None,
    typer.Option(
        "--animal-threshold",
        help="The animal score (0 to 1) below which the answer is `no_animal`; 0: never "
        "(default: the checkpoint's own, or less where the catalogue's photos score less).",
        show_default=False,
    ),
]


def identify(
    context: typer.Context,
    photos: PhotoArguments,
    catalogue: CatalogueOption = Path("catalogue.db"),
    checkpoint: CheckpointOption = None,
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "float32",
    k: Annotated[int, typer.Option("-k", min=1, help="How many individuals to rank.")] = 5,
    max_fpir: Annotated[
        float | None,
        typer.Option(
            "--max-fpir",
            help="The share of unknown animals that may be taken for `known`, such as 0.05; the "
            "catalogue's "
            "calibration turns it into a distance. Not together with --threshold.",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            help="The cosine distance (0 to 2) beyond which the answer is `new_whale`.",
        ),
    ] = None,
    new_share: Annotated[
        float | None,
        typer.Option(
            "--new-share",
            help="The share of these photos that show new animals (default: 0.3): probabilities "
            "depend on it.",
            show_default=False,
        ),
    ] = None,
    animal_threshold: AnimalThresholdOption = None,
    score: ScoreOption = "nearest",
    engine: EngineOption = "flat",
    server: ServerOption = None,
    api_key: ApiKeyOption = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Write a CSV with a row a photo, in place of the tables: decision, probability, "
            "and the ranked individuals. It appears when it is complete.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Identify the individual in each photo.

    Each photo gets ranked individuals with distance and probability, and a decision: `known`,
    `review` (a person should compare the photos) or `new_whale`. It also gets a species where the
    catalogue's individuals have one. Photos that can't be read are listed; the others are answered,
    and the exit code is then 1. With --server a running service answers from its own catalogue.

    The decision is `no_animal` where a photo shows nothing that the checkpoint was made for. A
    photo that lies on its side is turned first, and the answer says so.
    """
    own = ("catalogue", "checkpoint", "runtime", "precision", "score", "engine")
    refuse_mixture(context, server, own)
    if csv is not None:
        refuse_out(csv)
    printing = _Printing(as_json, csv, k)
    if server is not None:
        from index.commands.named_files import files_by_path
        from index.commands.remote import IdentifyChoices, identify_photos, open_client

        with open_client(server, api_key) as service:
            results, source = identify_photos(
                service,
                files_by_path(photos),
                IdentifyChoices(k, max_fpir, threshold, new_share, animal_threshold),
            )
        _print_answers(
            results.answers,
            [(each.name, each) for each in results.failures],
            source,
            printing,
        )
        return
    from index.commands.photo_arguments import embed_with_progress, photos_of_paths
    from index.identification.screening import check_animal_threshold
    from index.stored.engine_names import checked_engine

    # What was given is looked at before a network is loaded.
    named = photos_of_paths(photos)
    check_animal_threshold(animal_threshold)
    searched = _read_catalogue(catalogue, checkpoint, precision, score, checked_engine(engine))
    calibration = searched.calibration
    if new_share is not None:
        calibration = calibration.with_new_share(new_share)
    thresholds = calibration.thresholds(max_fpir=max_fpir, threshold=threshold)
    searched = searched._replace(calibration=calibration)
    embedder, identifier = _load(searched, checkpoint, runtime, precision)
    read, unread = embed_with_progress(named, embedder, "Identifying")
    answers = _answers(
        identifier,
        read,
        k=k,
        max_fpir=max_fpir,
        threshold=threshold,
        animal_threshold=animal_threshold,
    )
    gallery = identifier.gallery
    source = Source(gallery.revision, gallery.fingerprint, gallery.individual_count, thresholds)
    estimate = _estimated_share(answers, identifier)
    _print_answers(
        answers,
        [(each.photo.name, each) for each in unread],
        source,
        printing,
        share=(identifier.calibration.new_whale_share, estimate),
    )


class _Printing(NamedTuple):
    """How answers are given: as JSON or as text, and into a CSV with the best `k` individuals."""

    is_json: bool
    csv: Path | None
    k: int


def _write_csv(answers: Sequence[tuple[str, Identification]], out: Path, k: int) -> None:
    import csv
    import io

    from embedding.checkpoint import write_atomically
    from index.identification.answer_rows import answer_cells, answer_columns

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    is_screened = any(answer.animal is not None for _, answer in answers)
    columns = answer_columns(k, is_screened=is_screened)
    writer.writerow(columns)
    writer.writerows(answer_cells(name, answer, columns, k=k) for name, answer in answers)
    write_atomically(out, text.getvalue().encode())


def _estimated_share(
    answers: Sequence[tuple[str, Identification]], identifier: Identifier
) -> ShareEstimate | None:
    import numpy as np

    known = np.array([1 - answer.new_probability for _, answer in answers])
    return identifier.calibration.estimated_share(known)


def _print_answers(
    answers: Sequence[tuple[str, Identification]],
    unread: Sequence[tuple[str, Unread]],
    source: Source,
    printing: _Printing,
    *,
    share: tuple[float, ShareEstimate | None] | None = None,
) -> None:
    """Print the answers, list the photos without one, and end with 1 where there are any.

    `share`: of new animals, as it was set and as these photos' distances say.
    """
    if printing.csv is not None:
        _write_csv(answers, printing.csv, printing.k)
    if printing.is_json:
        said = _as_json(answers, unread, source)
        if share is not None:
            estimate = None if share[1] is None else asdict(share[1])
            said["new_share"] = {"set": share[0], "estimate": estimate}
        print(json.dumps(said, indent=2))
    else:
        if printing.csv is None:
            _print_tables(answers)
        else:
            counts = Counter(answer.decision for _, answer in answers).most_common()
            told = "".join(f", {count:,} {decision}" for decision, count in counts)
            print(f"{printing.csv}: {photos_text(len(answers))}{told}")
        if share is not None and share[1] is not None:
            _print_share(*share)
    print_unread([each for _, each in unread])
    if unread:
        sys.exit(1)


def _print_share(as_set: float, estimate: ShareEstimate | None) -> None:
    if estimate is None:
        return
    print_message(
        f"About {estimate.share:.0%} of these photos ({estimate.low:.0%} to {estimate.high:.0%}) "
        f"show animals that the catalogue lacks; the probabilities take {as_set:.0%}. "
        f"Give --new-share {estimate.share:.2f} for probabilities that take the estimate."
    )


def submit(
    photos: Annotated[
        Path, typer.Option("--photos", help="The folder of the competition's test photos.")
    ],
    out: Annotated[
        Path, typer.Option("--out", help="The submission to write; it appears when it is complete.")
    ],
    catalogue: CatalogueOption = Path("catalogue.db"),
    checkpoint: CheckpointOption = None,
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "float32",
    sample: Annotated[
        Path | None,
        typer.Option(
            "--sample",
            help="The competition's sample submission: the photos named must be the same.",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            help="The cosine distance beyond which new_whale comes first (default: the one with "
            "the best expected "
            "MAP@5 on the catalogue's own photos).",
            show_default=False,
        ),
    ] = None,
    score: ScoreOption = "nearest",
    form: Annotated[
        str,
        typer.Option(
            "--form",
            help="`humpback` (Image,Id and new_whale) or `happywhale` (image,predictions and "
            "new_individual).",
        ),
    ] = "humpback",
    per_species: Annotated[
        bool,
        typer.Option(
            "--per-species",
            help="Fit the threshold to each species of the catalogue by itself. Not with "
            "--threshold.",
        ),
    ] = False,
) -> None:
    """Write a Kaggle submission (five labels a photo) for a folder of photos.

    A photo that can't be read still gets its row, new_whale and the individuals with the most
    photos; it is listed, and the exit code is then 1.
    """
    from index.commands.photo_arguments import embed_with_progress, uniquely_named_photos
    from index.identification.submission import (
        check_against_sample,
        check_photos,
        find_form,
        write_submission,
    )

    refuse_out(out)
    submission_form = find_form(form)
    if per_species and threshold is not None:
        raise typer.BadParameter(
            "--per-species fits the thresholds, --threshold gives one; give one of the two"
        )
    named = uniquely_named_photos([photos])
    if sample is not None:
        # Before minutes of identifying.
        check_photos(
            (photo.name for photo in named), sample, named=str(photos), form=submission_form
        )
    searched = _read_catalogue(catalogue, checkpoint, precision, score)
    embedder, identifier = _load(searched, checkpoint, runtime, precision)
    distance = identifier.calibration.submission_threshold if threshold is None else threshold
    of_species = _species_thresholds(identifier) if per_species else {}
    print_message(
        f"Writing {out} for {photos_text(len(named))}; {submission_form.new_label} comes first "
        f"beyond distance {distance:.3f}"
    )
    for name, own in of_species.items():
        print_message(f"  {name}: beyond {own:.3f}")
    read, unread = embed_with_progress(named, embedder, "Identifying")
    write_submission(
        _submission_rows(identifier, read, unread, distance, of_species, submission_form),
        out,
        submission_form,
    )
    if sample is not None:
        check_against_sample(out, sample, submission_form)
    print_unread(unread)
    print(f"{out}: {photos_text(len(named))}, {len(unread):,} of them unread")
    if unread:
        sys.exit(1)


class _Searched(NamedTuple):
    """What a catalogue gives to an identifier."""

    gallery: Gallery
    calibration: Calibration
    species: Mapping[str, str]
    viewpoints: Mapping[str, str]
    species_fit: SpeciesFit | None = None
    changed_photos: int = 0


def _read_catalogue(
    address: CatalogueAddress,
    checkpoint: Path | None,
    precision: str,
    score: str,
    engine: str = "flat",
) -> _Searched:
    """Read a catalogue that this checkpoint can search. Raises BadCatalogue and BadQuery."""
    from index.catalogue.catalogue import Catalogue
    from index.catalogue.status import check_fingerprint
    from index.progress import spinner
    from index.snapshots.snapshot import read_snapshot
    from index.stored.engine_names import is_searched_elsewhere

    checked_score = _checked_score(score)
    with spinner("Reading the catalogue"), Catalogue.open(address) as catalogue:
        check_fingerprint(address, catalogue, checkpoint, precision)
        there = is_searched_elsewhere(engine)
        served = None if there else read_snapshot(catalogue, engine, score=checked_score)
        if served is not None:
            return _Searched(
                served.gallery,
                served.calibration,
                served.species,
                served.viewpoints,
                served.species_fit,
                served.changed_photos,
            )
        gallery, calibration = catalogue.searchable(engine, score=checked_score)
        return _Searched(gallery, calibration, catalogue.species(), catalogue.viewpoints())


def _load(
    searched: _Searched, checkpoint: Path | None, runtime: str, precision: str
) -> tuple[PhotoEmbedder, Identifier]:
    from index.identification.identifier import Identifier

    embedder = load_embedder(checkpoint, runtime, precision)
    identifier = Identifier(
        embedder, searched.gallery, searched.calibration, searched.species, searched.viewpoints
    )
    return embedder, identifier.with_species_fit(searched.species_fit, searched.changed_photos)


def _checked_score(score: str) -> Score:
    from index.search.matching import BadQuery, Score

    for known in get_args(Score):
        if score == known:
            return known
    raise BadQuery(f"--score is {score!r}; the scores are {', '.join(get_args(Score))}")


def _answers(
    identifier: Identifier,
    read: Sequence[EmbeddedPhoto],
    *,
    k: int,
    max_fpir: float | None = None,
    threshold: float | None = None,
    animal_threshold: float | None = None,
) -> list[tuple[str, Identification]]:
    import numpy as np

    if not read:
        return []
    vectors = np.stack([each.vector for each in read])
    answers = identifier.identify_vectors(
        vectors,
        k=k,
        max_fpir=max_fpir,
        threshold=threshold,
        animal_threshold=animal_threshold,
    )
    return [
        (
            each.photo.name,
            with_damage(
                replace(
                    answer,
                    quarter_turns=each.quarter_turns,
                    quality=each.quality,
                    animals=each.animals,
                ),
                each.damage,
            ),
        )
        for each, answer in zip(read, answers, strict=True)
    ]


def _print_tables(answers: Sequence[tuple[str, Identification]]) -> None:
    from rich.console import Console

    from index.commands.tables import print_answer

    console = Console()
    for photo, answer in answers:
        print_answer(console, photo, answer)


def _as_json(
    answers: Sequence[tuple[str, Identification]],
    unread: Sequence[tuple[str, Unread]],
    source: Source,
) -> dict[str, Any]:
    """The service's answer to `/v1/identify`, with the photos that couldn't be read in `errors`."""
    return {
        "results": [
            {
                "photo": photo,
                "decision": answer.decision,
                "probability": answer.probability,
                "reason": answer.reason,
                "new_probability": answer.new_probability,
                "calibrated_on": answer.calibrated_on,
                "thresholds": _distances(answer.thresholds),
                "species": asdict(answer.species),
                "animal": None if answer.animal is None else asdict(answer.animal),
                "quarter_turns": answer.quarter_turns,
                "quality": None if answer.quality is None else asdict(answer.quality),
                "animals": None if answer.animals is None else as_rows(answer.animals),
                "matches": [
                    {"rank": rank, **asdict(match)}
                    for rank, match in enumerate(answer.matches, start=1)
                ],
            }
            for photo, answer in answers
        ],
        "errors": [{"photo": name, "reason": each.reason} for name, each in unread],
        "catalogue_revision": source.revision,
        "fingerprint": source.fingerprint,
        "individuals_searched": source.individuals_searched,
        "thresholds": _distances(source.thresholds),
    }


def _distances(thresholds: Thresholds) -> dict[str, float]:
    return {"known": thresholds.known, "new_whale": thresholds.new_whale}


def _species_thresholds(identifier: Identifier) -> dict[str, float]:
    from index.identification.submission import BadSubmission, submission_thresholds

    if not identifier.species:
        raise BadSubmission(
            "no individual of the catalogue has a species, so --per-species has nothing to go "
            "by; build it from labels "
            "with a column species, or leave the option out"
        )
    return submission_thresholds(
        identifier.gallery, identifier.species, identifier.calibration.score
    )


def _submission_rows(
    identifier: Identifier,
    read: Sequence[EmbeddedPhoto],
    unread: Sequence[UnreadPhoto],
    threshold: float,
    of_species: Mapping[str, float],
    form: SubmissionForm,
) -> list[tuple[str, tuple[str, ...]]]:
    """Five labels for each photo.

    The threshold is that of the nearest individual's species, where it has its own.
    """
    from index.identification.submission import LABELS_A_ROW, rank_labels

    rows: list[tuple[str, tuple[str, ...]]] = []
    for photo, answer in _answers(identifier, read, k=LABELS_A_ROW):
        species = identifier.species.get(answer.matches[0].individual, "") if answer.matches else ""
        rows.append((photo, rank_labels(answer.matches, of_species.get(species, threshold), form)))
    photo_counts = Counter(identifier.gallery.individuals)
    most_seen = [individual for individual, _ in photo_counts.most_common(LABELS_A_ROW - 1)]
    rows += [(each.photo.name, (form.new_label, *most_seen)) for each in unread]
    return sorted(rows)
