"""Answers as tables for people at a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from index.matching import Identification
from index.status import CatalogueStatus

_CHANGE_WORDS = {"add": "added", "reembed": "embedded again", "relabel": "relabelled or moved", "remove": "removed"}
_DECISION_STYLES = {"known": "green", "review": "yellow", "new_whale": "magenta"}


def print_answer(console: Console, photo: str, answer: Identification) -> None:
    """Print one photo's decision, its ranked individuals and the reason."""
    decision = (answer.decision, _DECISION_STYLES[answer.decision])
    console.print(Text.assemble(f"{photo}: ", decision), soft_wrap=True)
    if answer.matches:
        console.print(_matches_table(answer))
    console.print(Text(answer.reason), "\n", soft_wrap=True)


def _matches_table(answer: Identification) -> Table:
    table = Table()
    table.add_column("rank", justify="right")
    table.add_column("individual")
    table.add_column("distance", justify="right")
    table.add_column("probability", justify="right")
    table.add_column("nearest photo")
    for rank, match in enumerate(answer.matches, start=1):
        table.add_row(
            str(rank),
            Text(match.individual),
            f"{match.distance:.3f}",
            f"{match.probability:.2f}",
            Text(match.photo),
        )
    return table


def status_table(status: CatalogueStatus) -> Table:
    """A catalogue's state, one line a fact."""
    counts = status.counts
    table = Table(show_header=False, box=None, pad_edge=False)
    facts = {
        "catalogue": str(status.path),
        "revision": str(status.revision),
        "individuals": f"{counts.individuals:,}",
        "encounters": f"{counts.encounters:,}",
        "photos": f"{counts.photos:,}, of which {counts.new_whale_photos:,} of new whales",
        "searchable": f"{counts.searchable:,} photos have a vector of the catalogue's checkpoint",
        "checkpoint": _checkpoint(status),
        "calibration": status.calibration.description if status.calibration else "none that can be read",
        "thresholds": _thresholds(status),
    }
    for name, fact in facts.items():
        table.add_row(name, Text(fact))
    for each in status.history:
        changes = ", ".join(f"{count:,} {_CHANGE_WORDS[kind]}" for kind, count in each.changes.items())
        table.add_row(f"revision {each.revision}", Text(f"{each.at}: {changes or 'calibrated again'}"))
    table.add_row("to do", Text(f"run `{status.mend}`" if status.mend else "nothing, all is up to date"))
    return table


def _thresholds(status: CatalogueStatus) -> str:
    thresholds = status.thresholds
    if status.calibration is None or thresholds is None:
        return "none"
    beyond = f"review up to {thresholds.new_whale:.3f}, new_whale beyond"
    if status.calibration.is_fitted:
        return f"known up to {thresholds.known:.3f}, {beyond}"
    return (
        f"not calibrated, so nothing is known without review: {beyond}; add photos of more individuals, some of them "
        "twice, with `flukeprint index update`"
    )


def _checkpoint(status: CatalogueStatus) -> str:
    made_by = (status.fingerprint or "none")[:12]
    if status.checkpoint_fingerprint is None:
        return f"{made_by} made it; the one given can't be read"
    if status.checkpoint_fingerprint == status.fingerprint:
        return f"{made_by}, the one that would search it"
    return f"{made_by} made it, but {status.checkpoint_fingerprint[:12]} would search it: not comparable"
