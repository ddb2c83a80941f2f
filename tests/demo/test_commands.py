from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from demo.album import DemoError
from demo.commands import register

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--individuals", "2", "--photos", "1", "--queries", "2", "--unknown", "1"]


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return app


@pytest.mark.usefixtures("stubbed")
def test_the_demo_draws_indexes_serves_asks_and_shows(app: typer.Typer, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["demo", "--out", str(out), *SMALL], catch_exceptions=False)
    assert result.exit_code == 0
    # The stand-in calls every whale w_drawn_00.
    assert "known: 1 of 2 right; unknown: 0 of 1 called new" in result.stdout
    assert "question_03" in result.stdout
    for step in ("1/4 Drawing", "2/4 Indexing", "3/4 Starting", "4/4 Asking"):
        assert step in result.stderr
    assert (out / "answers.png").is_file()
    assert not _is_alive(int((out / "serve.pid").read_text()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--individuals", "1"], "--individuals"),
        (["--photos", "0"], "--photos"),
        (["--queries", "-1"], "--queries"),
        (["--port", "70000"], "--port"),
        (["--indviduals", "3"], "No such option"),
    ],
)
def test_numbers_out_of_range_and_misspelt_options_are_refused(
    app: typer.Typer, tmp_path: Path, arguments: list[str], message: str
) -> None:
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path / "out"), *arguments])
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "out").exists()


def test_a_folder_of_the_user_s_own_is_refused(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years")
    with pytest.raises(DemoError, match="no earlier demo made"):
        CliRunner().invoke(app, ["demo", "--out", str(tmp_path), *SMALL], catch_exceptions=False)
    assert (tmp_path / "thesis.txt").read_text() == "years"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_keep_serves_until_it_is_stopped_and_leaves_nobody_behind(
    stub: list[str], tmp_path: Path, stop: signal.Signals
) -> None:
    out = tmp_path / "out"
    program = (
        "import typer, demo.serving, demo.commands\n"
        f"demo.serving.flukeprint = lambda *arguments: [*{stub!r}, *arguments]\n"
        "app = typer.Typer()\napp.callback()(lambda: None)\ndemo.commands.register(app)\napp()"
    )
    command = [sys.executable, "-c", program, "demo", "--keep", "--out", str(out), *SMALL]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = ""
        while "curl -F" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        service = int((out / "serve.pid").read_text())
        assert _is_alive(service)
        process.send_signal(stop)
        try:
            _, rest = process.communicate(timeout=30)
        finally:
            process.kill()  # or leaving the block would wait for it without end
    assert process.returncode == 0
    assert rest.strip() == "Stopping the service."
    assert not _is_alive(service)
    assert f"-F photos=@{out}/queries/question_01.jpg http://127.0.0.1:" in said


def _is_alive(pid: int) -> bool:
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.02)
    return True
