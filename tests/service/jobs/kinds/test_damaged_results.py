"""A result whose bytes changed on the service's disk is refused and named, not answered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.jobs.folder import JobFolder
from tests.service.conftest import photo_of
from tests.service.jobs.kinds.season import OFFERED, Site, ended, send_zip, zipped

ENDINGS = {"identify": ".csv", "import": ".csv", "export": ".zip"}


def job_of(site: Site, kind: str) -> int:
    client, _, _ = site
    if kind == "import":
        answer = send_zip(client, zipped(OFFERED))
    elif kind == "export":
        answer = client.post("/v1/jobs", json={"kind": kind, "parameters": {"format": "zip"}})
    else:
        sent = ("photos.zip", zipped({"a.png": photo_of(3)}))
        answer = client.post("/v1/jobs", data={"kind": kind}, files={"archive": sent})
    assert answer.status_code < 300, answer.text
    return ended(client, answer.json()["id"])["id"]


@pytest.mark.parametrize("kind", ENDINGS)
def test_a_flipped_bit_is_found_and_a_whole_one_answered(site: Site, kind: str) -> None:
    client, path, _ = site
    number = job_of(site, kind)
    folder = path.with_name(f"{path.name}.jobs")
    file = folder / "results" / f"{number}{ENDINGS[kind]}"
    whole = client.get(f"/v1/jobs/{number}/result")
    assert (whole.status_code, whole.content) == (200, file.read_bytes())
    data = bytearray(whole.content)
    data[len(data) // 2] ^= 4
    file.write_bytes(data)
    paths = [f"/v1/jobs/{number}/result"] + [f"/v1/jobs/{number}/report"] * (kind == "import")
    for asked in paths:
        answer = client.get(asked)
        assert answer.status_code == 404
        assert f"The result of job {number} was damaged" in answer.json()["detail"]
    file.write_bytes(whole.content)
    assert client.get(f"/v1/jobs/{number}/result").content == whole.content


def test_its_checksum_goes_with_it_and_an_older_result_has_none(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path / "jobs")
    for number in (1, 2):
        folder.result(number).write_text("photo\n")
        folder.seal_result(number)
    folder.result(3).write_text("of an older flukeprint\n")
    assert not any(folder.is_damaged_result(number) for number in (1, 2, 3))
    folder.forget_results(1)
    folder.forget_all_results_but([3])
    assert list((tmp_path / "jobs" / "checksums").iterdir()) == []
    assert [path.name for path in (tmp_path / "jobs" / "results").iterdir()] == ["3.csv"]


def test_a_result_is_read_once_for_each_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    folder = JobFolder(tmp_path / "jobs")
    folder.result(1).write_text("photo\n")
    folder.seal_result(1)
    read = list[int]()
    real: Callable[..., Any] = hashlib.file_digest

    def counting(*given: Any) -> Any:
        read.append(1)
        return real(*given)

    monkeypatch.setattr("service.jobs.folder.hashlib.file_digest", counting)
    assert not any(folder.is_damaged_result(1) for _ in range(5))
    assert len(read) == 1
