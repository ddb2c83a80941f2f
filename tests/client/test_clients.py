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
    client: Client, photo: Photo, tmp_path: Path
) -> None:
    path = tmp_path / "seen.png"
    path.write_bytes(photo(31))
    with path.open("rb") as opened:
        answer = client.identify([path, str(path), photo(91), opened, ("mine.png", photo(1))], k=1)
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


def test_an_encounter_within_a_scope_is_answered_as_one(client: Client, photo: Photo) -> None:
    answer = client.identify(
        [photo(0), photo(10)], encounter=True, species=["fin whale"], k=5, threshold=0.5
    )
    assert answer.encounter is not None
    assert (answer.encounter.photos, answer.individuals_searched) == (2, 1)
    assert [match.individual for match in answer.encounter.matches] == ["w_90"]
    assert client.identify(photo(0), years=[2018], k=5).results[0].matches[0].individual == "w_30"
    assert (
        client.identify(
            photo(0), individuals=["w_90", "w_30"], exclude=["w_30"], as_of=1
        ).individuals_searched
        == 1
    )


def test_verify_and_embed(client: Client, photo: Photo) -> None:
    verified = client.verify([photo(0), photo(3)], individual="w_0", encounter=True, threshold=0.2)
    assert [each.nearest_individual for each in verified.results] == ["w_0", "w_0"]
    assert verified.encounter is not None and len(verified.encounter.compared) == 2
    paired = client.verify(photo(0), reference=("other.png", photo(60)))
    assert (paired.reference, paired.results[0].distance) == (
        "other.png",
        pytest.approx(0.5, abs=1e-6),
    )
    (located,) = client.locate([photo(90)]).results
    assert [(each.box, each.score) for each in located.animals] == [((0, 0, 1, 1), 1)]
    embedded = client.embed(photo(90))
    assert embedded.results[0].vector == pytest.approx((0, 1), abs=1e-6)


def test_what_cannot_be_read_is_named(client: Client, photo: Photo) -> None:
    with pytest.raises(BadPhotos) as refused:
        client.identify([photo(0), ("notes.jpg", b"words")])
    assert [(fault.photo, fault.position) for fault in refused.value.faults] == [("notes.jpg", 1)]
    assert refused.value.request_id in str(refused.value)
    with pytest.raises(Invalid, match="k: "):
        client.identify(photo(0), k=1000)


def test_a_photo_goes_from_the_queue_to_an_individual_and_back(
    client: Client, photo: Photo
) -> None:
    taken = client.send_photos(
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
    (waiting,) = client.queue()
    assert (waiting.encounter, waiting.state) == ("may", "waiting")
    assert waiting.answer is not None and waiting.answer["matches"][0]["individual"] == "w_90"
    name = client.next_id(pattern="w_000")
    assert name == "w_091"
    confirmed = client.confirm("new.png", name)
    assert client.identify(photo(150)).results[0].matches[0].individual == name
    (met,) = client.encounters(individual=name)
    assert (met.name, met.place, met.observer) == ("may", "a bay", "Ana")
    edited = client.edit_encounter(met.key, {"place": None})
    assert next(client.encounters(individual=name)).place is None
    with pytest.raises(Conflict, match="Undo them first"):
        client.undo(confirmed.revision)
    assert [client.undo(event.revision).kind for event in (edited, confirmed)] == ["undo", "undo"]
    assert client.reject("new.png", reason="only water").kind == "reject"
    assert list(client.queue()) == []


def test_individuals_are_edited_renamed_merged_and_split(client: Client) -> None:
    individual = client.individual("w_30")
    assert (individual.photos, individual.species) == (1, None)
    edited = client.edit_individual("w_30", {"display_name": "Salt"}, etag=individual.etag)
    assert edited.etag == client.individual("w_30").etag != individual.etag
    with pytest.raises(ChangedMeanwhile):
        client.edit_individual("w_30", {"display_name": "Pepper"}, etag=individual.etag)
    assert client.rename("w_30", "s/30?").kind == "rename"
    assert client.individual("s/30?").other_names == ("w_30",)
    client.merge("w_90", "s/30?")
    assert client.individual("w_90").merged_into == "s/30?"
    client.split("w_0", ["w_0_b.png"], "w_3")
    assert [each.name for each in client.individuals()] == ["s/30?", "w_0", "w_3"]
    assert [each.name for each in client.individuals(search="alt", species=None)] == ["s/30?"]
    with pytest.raises(NotFound, match="w_404"):
        client.individual("w_404")


def test_lists_go_on_from_page_to_page(client: Client) -> None:
    assert [each.name for each in client.individuals(page_rows=1)] == ["w_0", "w_30", "w_90"]
    assert len(list(client.photos(page_rows=2))) == 6
    assert [each.name for each in client.photos(individual="w_0", page_rows=1)] == [
        "w_0_a.png",
        "w_0_b.png",
    ]


def test_photos_are_moved_edited_deleted_and_shown(client: Client) -> None:
    assert client.thumbnail("w_0_a.png", size_px=16).startswith(b"\xff\xd8")
    client.move_photos(["w_0_b.png"], None)
    client.edit_photo("w_0_b.png", {"quality": "good"})
    moved = next(each for each in client.photos() if each.name == "w_0_b.png")
    assert (moved.individual, moved.quality) == (None, "good")
    deleted = client.delete_photo("w_0_b.png", reason="blurred")
    assert [each.name for each in client.photos(state="deleted")] == ["w_0_b.png"]
    changes = list(client.changes(page_rows=2))
    assert [each.kind for each in changes][:3] == ["delete", "edit", "move"]
    assert changes[0].revision == deleted.revision
    assert next(client.changes(subject="w_0_b.png")).revision == deleted.revision
    with pytest.raises(NotFound, match=r"w_0_b\.png"):
        client.delete_photo("w_0_b.png")


def test_work_lists(client: Client) -> None:
    (cluster,) = client.clusters(limit=5)
    assert {each.name for each in cluster.photos} == {"nobody_200.png", "nobody_201.png"}
    (pair,) = client.merge_suggestions(limit=1)
    assert {pair.one, pair.other} == {"w_0", "w_30"}
    photos = client.photo_pair(pair.photo_of_one, pair.photo_of_other)
    assert (photos.one.individual, photos.other.individual) == (pair.one, pair.other)
    assert photos.distance == pair.distance
    assert photos.individuals is not None
    assert not photos.individuals.is_marked_different
    with pytest.raises(NotFound, match=r"none\.png"):
        client.pair_heat(pair.photo_of_one, "none.png")
    assert client.mark_different("w_0", "w_30").kind == "tell apart"
    assert Client.tell_apart is Client.mark_different  # the older name
    assert pair not in client.merge_suggestions()


def test_a_job_is_watched_to_its_end(client: Client, photo: Photo, tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("a.png", photo(1))
        zipped.writestr("notes.png", b"words")
    (tmp_path / "may.zip").write_bytes(archive.getvalue())
    job = client.start_job("identify", {"k": 1}, archive=tmp_path / "may.zip")
    progress: list[Job] = []
    ended = client.wait_for_job(job.id, on_progress=progress.append, timeout_seconds=120)
    assert (ended.state, ended.done, ended.error_count, ended.is_over) == ("succeeded", 2, 1, True)
    assert progress[-1] == ended
    assert [each.file for each in client.job_faults(job.id)] == ["notes.png"]
    assert b"a.png" in client.job_result(job.id)
    assert client.job(job.id) == ended
    assert [each.id for each in client.jobs(state="succeeded", page_rows=1)] == [job.id]
    with pytest.raises(Conflict):
        client.resume_job(job.id)
    with pytest.raises(Conflict):
        client.cancel_job(job.id)
    with pytest.raises(NotFound):
        next(client.watch_job(999))
    client.save_job_result(job.id, tmp_path / "may.csv")
    assert (tmp_path / "may.csv").read_bytes() == client.job_result(job.id)
    client.delete_job(job.id)
    with pytest.raises(NotFound):
        client.save_job_result(job.id, tmp_path / "gone.csv")
    assert not (tmp_path / "gone.csv").exists()
    assert client.start_job("reindex").kind == "reindex"


def test_the_state_of_the_service(client: Client) -> None:
    assert client.healthy()
    assert client.ready().individuals == 3
    assert client.version().dimension == 2
    assert (client.stats().photos, client.stats().species[0].species) == (6, "humpback")
    calibration = client.calibration()
    assert (calibration.is_calibrated, calibration.asked) == (False, None)
    with pytest.raises(Invalid):
        client.calibration(max_fpir=0.1)


def test_the_same_is_awaited(curated_url: str, photo: Photo) -> None:
    async def scenario() -> None:
        async with AsyncClient(curated_url) as client:
            answers = await asyncio.gather(
                *(client.identify(photo(degrees), k=1) for degrees in (0, 30, 90))
            )
            assert [each.results[0].matches[0].individual for each in answers] == [
                "w_0",
                "w_30",
                "w_90",
            ]
            assert [each.name async for each in client.individuals(page_rows=1)] == [
                "w_0",
                "w_30",
                "w_90",
            ]
            job = await client.start_job("reindex")
            ended = await client.wait_for_job(job.id, timeout_seconds=120)
            assert ended.state == "succeeded"
            with pytest.raises(NotFound):
                await client.individual("w_404")
            with pytest.raises(NotFound):
                await anext(aiter(client.watch_job(999)))

    asyncio.run(scenario())


def test_a_described_request_can_be_sent_by_either(client: Client, photo: Photo) -> None:
    assert Client.identify is identify
    assert client.send(Client.identify(photo(0), k=1)).results[0].matches[0].individual == "w_0"
    assert client.identify.__doc__ == identify.__doc__
