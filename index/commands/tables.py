"""Answers as tables for people at a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from index.search.matching import Identification

_CHANGE_WORDS = {
    "add": "added",
    "reembed": "embedded again",
    "relabel": "relabelled or moved",
    "remove": "removed",
}
_DECISION_STYLES = {
    "known": "green",
    "review": "yellow",
    "new_whale": "magenta",
    "no_animal": "red",
}


def print_answer(console: Console, photo: str, answer: Identification) -> None:
    """Print one photo's decision, its ranked individuals and the reason."""
    decision = (answer.decision, _DECISION_STYLES[answer.decision])
    console.print(Text.assemble(f"{photo}: ", decision), soft_wrap=True)
    if answer.matches:
        console.print(_matches_table(answer))
    console.print(Text(answer.reason), soft_wrap=True)
    if answer.species.name is not None:
        probability = (
            ""
            if answer.species.probability is None
            else f", probability {answer.species.probability:.2f}"
        )
        console.print(Text(f"Species: {answer.species.name}{probability}."), soft_wrap=True)
    if seen := _photo_text(answer):
        console.print(Text(seen), soft_wrap=True)
    console.print()


def _photo_text(answer: Identification) -> str:
    """What was seen of the photo itself: its turn, its animal score and its quality."""
    parts: list[str] = []
    if answer.animals is not None and len(answer.animals) > 1:
        parts.append(f"{len(answer.animals)} animals found; this is the surest.")
    if answer.quarter_turns:
        turn = {1: "90 degrees to the left", 2: "180 degrees", 3: "90 degrees to the right"}
        parts.append(f"Turned {turn[answer.quarter_turns]} to be upright.")
    if answer.animal is not None and answer.animal.is_animal:
        parts.append(f"Animal score {answer.animal.score:.2f}.")
    if answer.quality is not None:
        parts.append(f"Quality {answer.quality.score:.2f}.")
    return " ".join(parts)


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


def status_table(state: Mapping[str, Any]) -> Table:
    """A catalogue's state as `flukeprint index status --json` has it, one line a fact."""
    table = Table(show_header=False, box=None, pad_edge=False)
    facts = {
        "catalogue": state["catalogue"],
        "revision": str(state["revision"]),
        "individuals": f"{state['individuals']:,}",
        "encounters": f"{state['encounters']:,}",
        "photos": f"{state['photos']:,}, of which {state['new_whale_photos']:,} of new whales",
        "searchable": f"{state['searchable']:,} photos have a vector of the catalogue's checkpoint",
        "checkpoint": _checkpoint(state["fingerprint"], state["checkpoint_fingerprint"]),
        "calibration": state["calibration"] or "none that can be read",
        "thresholds": _thresholds(state["thresholds"], is_calibrated=state["is_calibrated"]),
    }
    rates = state.get("known_rates")
    if rates and rates["error"] is not None:
        facts["false positives"] = (
            f"{rates['fpir']:.3f} as tried, give or take {rates['error']:.3f} (one standard "
            f"error); at most {rates['promised']:.3f} promised"
        )
    damaged = state.get("damaged_vectors") or ()
    if damaged:
        facts["damaged"] = f"{len(damaged):,} vectors, so not searched: {', '.join(damaged[:5])}"
    for name, fact in facts.items():
        table.add_row(name, Text(fact))
    for each in state["history"]:
        table.add_row(f"revision {each['revision']}", Text(f"{each['at']}: {_event(each)}"))
    table.add_row(
        "to do", Text(f"run `{state['mend']}`" if state["mend"] else "nothing, all is up to date")
    )
    return table


def _event(revision: Mapping[str, Any]) -> str:
    """What a revision changed.

    One without any was a calibration, or says by its kind what it noted.
    """
    changes = ", ".join(
        _change(kind, count) for kind, count in revision["changes"].items() if count
    )
    return changes or ("calibrated again" if revision["kind"] == "update" else revision["kind"])


def _change(kind: str, count: int) -> str:
    """A count of a revision's changes by kind; a curator's act is told by its name."""
    return f"{count:,} {_CHANGE_WORDS[kind]}" if kind in _CHANGE_WORDS else f"{kind} of {count:,}"


def _thresholds(thresholds: Mapping[str, float] | None, *, is_calibrated: bool) -> str:
    if thresholds is None:
        return "none"
    beyond = f"review up to {thresholds['new_whale']:.3f}, new_whale beyond"
    if is_calibrated and thresholds["known"] < 0:
        return f"nothing is known without review: {beyond}"
    if is_calibrated:
        return f"known up to {thresholds['known']:.3f}, {beyond}"
    return (
        f"not calibrated, so nothing is known without review: {beyond}; add photos of more "
        "individuals, some of them "
        "twice, with `flukeprint index update`"
    )


def _checkpoint(made_by: str | None, would_search: str | None) -> str:
    short = (made_by or "none")[:12]
    if would_search is None:
        return f"{short} made it; the one given can't be read"
    if would_search == made_by:
        return f"{short}, the one that would search it"
    return f"{short} made it, but {would_search[:12]} would search it: not comparable"
