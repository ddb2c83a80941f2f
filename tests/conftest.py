"""What every test may ask for: seeded randomness, unit vectors at known angles, the real
photographs, PostgreSQL.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator
from pathlib import Path

# One thread a library: tests share two cores with each other, and sums then come in one order.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# A shell that starts the tests in the background has Ctrl-C ignored in all that comes of them, and
# they send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import numpy as np  # noqa: E402
import pytest  # noqa: E402

from index.storage.address import CatalogueAddress, PostgresAddress  # noqa: E402
from tests.postgres_server import NoPostgres, running_postgres  # noqa: E402

TESTS = Path(__file__).resolve().parent
SHARED = TESTS.parents[1] / "shared"
# What a module imports that starts another program, or that loads or trains a network.
_HEAVY_NAMES = {"subprocess", "torch", "Embedder", "DEFAULT_CHECKPOINT"}
_HEAVY_FOLDERS = {
    *("browser", "flows", "demo", "run", "commands"),
    *("jobs", "admin", "evaluation", "sweep", "localisation"),
}
_HEAVY_FIXTURES = {"postgres", "postgres_server", "milvus_server", "walk"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `heavy` what `make quick` leaves out: browsers, servers, programs, networks."""
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        is_heavy = (
            _HEAVY_NAMES & set(dir(getattr(item, "module", None)))
            or _HEAVY_FOLDERS & set(item.path.relative_to(TESTS).parts)
            or _HEAVY_FIXTURES & set(getattr(item, "fixturenames", ()))
            or parameters.get("place") == "postgresql"
        )
        if is_heavy:
            item.add_marker("heavy")


@pytest.fixture
def rng() -> np.random.Generator:
    """The one source of randomness in tests."""
    return np.random.default_rng(20180601)


@pytest.fixture
def at() -> Callable[..., np.ndarray]:
    """2-D float32 unit vectors at the given angles: the distance between at(0) and at(60) is
    0.5.
    """

    def _at(*degrees: float) -> np.ndarray:
        radians = np.radians(np.asarray(degrees, np.float64))
        return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)

    return _at


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photographs beside the checkout; the test skips, with this reason, without
    it.
    """
    if not (SHARED / "data").is_dir():
        pytest.skip(f"the real photographs are not at {SHARED / 'data'}")
    return SHARED


@pytest.fixture(scope="session")
def postgres_server() -> Generator[Path]:
    """The folder with the socket of a throw-away PostgreSQL, which reaches no network; without one
    the test skips.
    """
    try:
        with running_postgres() as folder:
            yield folder
    except NoPostgres as error:
        pytest.skip(str(error))


_schemas = iter(range(10**6))


@pytest.fixture
def postgres(postgres_server: Path) -> Callable[[Path], PostgresAddress]:
    """A schema of its own for each path that a test names, with the catalogue's files in that
    path's folder.
    """
    own: dict[Path, PostgresAddress] = {}

    def _postgres(path: Path) -> PostgresAddress:
        if path not in own:
            schema, options = f"test_{next(_schemas)}", (("host", str(postgres_server)),)
            own[path] = PostgresAddress(
                user="flukeprint",
                database="postgres",
                schema=schema,
                options=options,
                files=path.parent,
            )
        return own[path]

    return _postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Callable[[Path], CatalogueAddress]:
    """Where a catalogue stands that a test names by a file: there, or in PostgreSQL.

    The test runs on both.
    """
    return (
        request.getfixturevalue("postgres") if request.param == "postgresql" else lambda path: path
    )
