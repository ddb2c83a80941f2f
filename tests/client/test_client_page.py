"""Every example of docs/client.md runs against a service."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "client.md"
EXAMPLES = re.findall(
    r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
)


def test_the_examples_run(
    curated_url: str,
    photo: Callable[..., bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "fluke.jpg").write_bytes(photo(29))
    (tmp_path / "other.jpg").write_bytes(photo(31))
    monkeypatch.chdir(tmp_path)
    outputs: list[str] = []
    for example in EXAMPLES:
        assert "http://127.0.0.1:8000" in example
        exec(compile(example.replace("http://127.0.0.1:8000", curated_url), str(PAGE), "exec"), {})
        outputs.append(capsys.readouterr().out)
    identified, listed, edited, job, awaited = outputs
    assert re.search(r"^fluke\.jpg review .*\n1 w_30 0\.000", identified)
    assert listed == "w_0 2\nw_30 1\nw_90 1\n"
    assert edited == ""
    assert "\nsucceeded " in f"\n{job}"
    assert awaited.startswith("review review\n") and " undo local\n" in awaited
