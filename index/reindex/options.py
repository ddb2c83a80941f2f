"""What an update of a catalogue may do, and how its event is recorded."""

from __future__ import annotations

from dataclasses import dataclass

from index.catalogue.revision import TransactionCheck, check_nothing


@dataclass(frozen=True, slots=True)
class UpdateOptions:
    """The choices of one update.

    `prune`: remove photos that the labels no longer name. `rehash`: read every file again;
    otherwise a file of the same size and time counts as unchanged. `bring_back`: add photos that a
    curator deleted. `labels_win`: let labels replace what a curator corrected. `kind` and `made_by`
    describe the event; `checkpoint` names the new checkpoint in it. `may_change_checkpoint`:
    without it a catalogue of another checkpoint is refused. `check` is called at the start of each
    transaction; what it raises leaves the catalogue as it was.
    """

    prune: bool = False
    rehash: bool = False
    bring_back: bool = False
    labels_win: bool = False
    kind: str = "update"
    made_by: str | None = None
    checkpoint: str | None = None
    may_change_checkpoint: bool = True
    check: TransactionCheck = check_nothing
