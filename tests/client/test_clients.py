"""Every method against the real service over a real socket, waiting and awaited."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from client import AsyncClient, Client
from client.errors import BadPhotos, ChangedMeanwhile, Conflict, Invalid, NotFound
from client.records.service import Job
from client.requests.photos import identify

Photo = Callable[..., bytes]


def test_a_photo_is_sent_as_path_bytes_open_file_or_with_a_name(
    asking: Client, photo: Photo, tmp_path: Path
) -> None:
    path = tmp_path / "seen.png"
    path.write_bytes(photo(31))
    with path.open("rb") as opened:
        answer = asking.identify([path, str(path), photo(91), opened, ("mine.png", photo(1))], k=1)
    assert [each.photo for each in answer.results] == [
        "seen.png",
        "seen.png",
        "photo 3",
        "seen.png",
        "mine.png",
    ]
    assert [each.matches[0].individual for each in answer.results] == [
        "w_30",
        "w_30",
        "w_90",
        "w_30",
        "w_0",
    ]
    assert answer.results[0].matches[0].distance == pytest.approx(1 - 0.99985, abs=1e-5)
    assert (answer.catalogue_revision, answer.individuals_searched, answer.encounter) == (
        1,
        3,
        None,
    )
    assert [each.species and each.species.name for each in answer.results] == [
        *("humpback", "humpback", "fin whale", "humpback", "humpback")
    ]


def test_an_encounter_within_a_scope_is_answered_as_one(asking: Client, photo: Photo) -> None:
    answer = asking.identify(
        [photo(0), photo(10)], encounter=True, species=["fin whale"], k=5, threshold=0.5
    )
    assert answer.encounter is not None
    assert (answer.encounter.photos, answer.individuals_searched) == (2, 1)
    assert [match.individual for match in answer.encounter.matches] == ["w_90"]
    assert asking.identify(photo(0), years=[2018], k=5).results[0].matches[0].individual == "w_30"
    assert (
        asking.identify(
            photo(0), individuals=["w_90", "w_30"], exclude=["w_30"], as_of=1
        ).individuals_searched
        == 1
    )


def test_verify_and_embed(asking: Client, photo: Photo) -> None:
    verified = asking.verify([photo(0), photo(3)], individual="w_0", encounter=True, threshold=0.2)
    assert [each.nearest_individual for each in verified.results] == ["w_0", "w_0"]
    assert verified.encounter is not None and len(verified.encounter.compared) == 2
    paired = asking.verify(photo(0), reference=("other.png", photo(60)))
    assert (paired.reference, paired.results[0].distance) == (
        "other.png",
        pytest.approx(0.5, abs=1e-6),
    )
    embedded = asking.embed(photo(90))
    assert embedded.results[0].vector == pytest.approx((0, 1), abs=1e-6)


def test_what_cannot_be_read_is_named(asking: Client, photo: Photo) -> None:
    with pytest.raises(BadPhotos) as refused:
        asking.identify([photo(0), ("notes.jpg", b"words")])
    assert [(fault.photo, fault.position) for fault in refused.value.faults] == [("notes.jpg", 1)]
    assert refused.value.request_id in str(refused.value)
    with pytest.raises(Invalid, match="k: "):
        asking.identify(photo(0), k=1000)


def test_a_photo_goes_from_the_queue_to_an_individual_and_back(
    asking: Client, photo: Photo
) -> None:
    taken = asking.send_photos(
        [("new.png", photo(150)), ("old.png", photo(30))],
        encounter="may",
        taken_at="2026-05-28",
        place="a bay",
        observer="Ana",
        species="humpback",
    )
    assert taken.event is not None
    assert [each.name for each in taken.photos] == ["new.png"]
    assert [each.known_as for each in taken.skipped] == ["w_30_a.png"]
    (waiting,) = asking.queue()
    assert (waiting.encounter, waiting.state) == ("may", "waiting")
    assert waiting.answer is not None and waiting.answer["matches"][0]["individual"] == "w_90"
    name = asking.next_id(pattern="w_000")
    assert name == "w_091"
    confirmed = asking.confirm("new.png", name)
    assert asking.identify(photo(150)).results[0].matches[0].individual == name
    (met,) = asking.encounters(individual=name)
    assert (met.name, met.place, met.observer) == ("may", "a bay", "Ana")
    edited = asking.edit_encounter(met.key, {"place": None})
    assert next(asking.encounters(individual=name)).place is None
    with pytest.raises(Conflict, match="Undo them first"):
        asking.undo(confirmed.revision)
    assert [asking.undo(event.revision).kind for event in (edited, confirmed)] == ["undo", "undo"]
    assert asking.reject("new.png", reason="only water").kind == "reject"
    assert list(asking.queue()) == []


def test_individuals_are_edited_renamed_merged_and_split(asking: Client) -> None:
    individual = asking.individual("w_30")
    assert (individual.photos, individual.species) == (1, None)
    edited = asking.edit_individual("w_30", {"display_name": "Salt"}, etag=individual.etag)
    assert edited.etag == asking.individual("w_30").etag != individual.etag
    with pytest.raises(ChangedMeanwhile):
        asking.edit_individual("w_30", {"display_name": "Pepper"}, etag=individual.etag)
    assert asking.rename("w_30", "s/30?").kind == "rename"
    assert asking.individual("s/30?").other_names == ("w_30",)
    asking.merge("w_90", "s/30?")
    assert asking.individual("w_90").merged_into == "s/30?"
    asking.split("w_0", ["w_0_b.png"], "w_3")
    assert [each.name for each in asking.individuals()] == ["s/30?", "w_0", "w_3"]
    assert [each.name for each in asking.individuals(search="alt", species=None)] == ["s/30?"]
    with pytest.raises(NotFound, match="w_404"):
        asking.individual("w_404")


def test_lists_go_on_from_page_to_page(asking: Client) -> None:
    assert [each.name for each in asking.individuals(page_rows=1)] == ["w_0", "w_30", "w_90"]
    assert len(list(asking.photos(page_rows=2))) == 6
    assert [each.name for each in asking.photos(individual="w_0", page_rows=1)] == [
        "w_0_a.png",
        "w_0_b.png",
    ]


def test_photos_are_moved_noted_deleted_and_seen(asking: Client) -> None:
    assert asking.thumbnail("w_0_a.png", size_px=16).startswith(b"\xff\xd8")
    asking.move_photos(["w_0_b.png"], None)
    asking.edit_photo("w_0_b.png", {"quality": "good"})
    moved = next(each for each in asking.photos() if each.name == "w_0_b.png")
    assert (moved.individual, moved.quality) == (None, "good")
    deleted = asking.delete_photo("w_0_b.png", reason="blurred")
    assert [each.name for each in asking.photos(state="deleted")] == ["w_0_b.png"]
    changes = list(asking.changes(page_rows=2))
    assert [each.kind for each in changes][:3] == ["delete", "edit", "move"]
    assert changes[0].revision == deleted.revision
    assert next(asking.changes(subject="w_0_b.png")).revision == deleted.revision
    with pytest.raises(NotFound, match=r"w_0_b\.png"):
        asking.delete_photo("w_0_b.png")


def test_work_lists(asking: Client) -> None:
    (cluster,) = asking.clusters(limit=5)
    assert {each.name for each in cluster.photos} == {"nobody_200.png", "nobody_201.png"}
    (pair,) = asking.merge_suggestions(limit=1)
    assert {pair.one, pair.other} == {"w_0", "w_30"}
    assert asking.tell_apart("w_0", "w_30").kind == "tell apart"
    assert pair not in asking.merge_suggestions()


def test_a_job_is_watched_to_its_end(asking: Client, photo: Photo, tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("a.png", photo(1))
        zipped.writestr("notes.png", b"words")
    (tmp_path / "may.zip").write_bytes(archive.getvalue())
    asked = asking.start_job("identify", {"k": 1}, archive=tmp_path / "may.zip")
    seen: list[Job] = []
    ended = asking.wait_for_job(asked.id, on_progress=seen.append, timeout_seconds=120)
    assert (ended.state, ended.done, ended.error_count, ended.is_over) == ("succeeded", 2, 1, True)
    assert seen[-1] == ended
    assert [each.file for each in asking.job_faults(asked.id)] == ["notes.png"]
    assert b"a.png" in asking.job_result(asked.id)
    assert asking.job(asked.id) == ended
    assert [each.id for each in asking.jobs(state="succeeded", page_rows=1)] == [asked.id]
    with pytest.raises(Conflict):
        asking.resume_job(asked.id)
    with pytest.raises(Conflict):
        asking.cancel_job(asked.id)
    with pytest.raises(NotFound):
        next(asking.watch_job(999))
    asking.save_job_result(asked.id, tmp_path / "may.csv")
    assert (tmp_path / "may.csv").read_bytes() == asking.job_result(asked.id)
    asking.delete_job(asked.id)
    with pytest.raises(NotFound):
        asking.save_job_result(asked.id, tmp_path / "gone.csv")
    assert not (tmp_path / "gone.csv").exists()
    assert asking.start_job("reindex").kind == "reindex"


def test_what_the_service_says_of_itself(asking: Client) -> None:
    assert asking.healthy()
    assert asking.ready().individuals == 3
    assert asking.version().dimension == 2
    assert (asking.stats().photos, asking.stats().species[0].species) == (6, "humpback")
    calibration = asking.calibration()
    assert (calibration.is_calibrated, calibration.asked) == (False, None)
    with pytest.raises(Invalid):
        asking.calibration(max_fpir=0.1)


def test_the_same_is_awaited(curated_url: str, photo: Photo) -> None:
    async def ask() -> None:
        async with AsyncClient(curated_url) as asking:
            answers = await asyncio.gather(
                *(asking.identify(photo(degrees), k=1) for degrees in (0, 30, 90))
            )
            assert [each.results[0].matches[0].individual for each in answers] == [
                "w_0",
                "w_30",
                "w_90",
            ]
            assert [each.name async for each in asking.individuals(page_rows=1)] == [
                "w_0",
                "w_30",
                "w_90",
            ]
            job = await asking.start_job("reindex")
            ended = await asking.wait_for_job(job.id, timeout_seconds=120)
            assert ended.state == "succeeded"
            with pytest.raises(NotFound):
                await asking.individual("w_404")
            with pytest.raises(NotFound):
                await anext(aiter(asking.watch_job(999)))

    asyncio.run(ask())


def test_a_described_request_can_be_sent_by_either(asking: Client, photo: Photo) -> None:
    assert Client.identify is identify
    assert asking.send(Client.identify(photo(0), k=1)).results[0].matches[0].individual == "w_0"
    assert asking.identify.__doc__ == identify.__doc__
