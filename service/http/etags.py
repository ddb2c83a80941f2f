"""ETag, If-Match and If-None-Match: no change overwrites somebody else's unnoticed."""

from __future__ import annotations

import hashlib
import re

from starlette.requests import Request

from service.http.problems import CHANGED_MEANWHILE, STATE_REQUIRED, ProblemError

_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def etag_of(*state: object) -> str:
    """Make the tag of a state, such as an id and the number of its last change."""
    text = "\0".join(f"{type(part).__name__}:{part}" for part in state)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def check_if_match(request: Request, etag: str, *, is_required: bool = False) -> None:
    """Raise `changed-meanwhile` (412) unless If-Match is absent, `*`, or has this tag.

    `is_required`: absent is `state-required` (428). Call it in the transaction that makes the
    change.
    """
    sent = request.headers.get("if-match")
    if sent is None:
        if is_required:
            raise ProblemError(
                STATE_REQUIRED, f"Send If-Match: {etag} to change the present state."
            )
        return
    # If-Match compares strongly: a weak tag matches nothing.
    if sent.strip() != "*" and etag not in (each.group() for each in _TAG.finditer(sent)):
        detail = f"If-Match is {sent}, but the present state is {etag}: fetch it and decide again."
        raise ProblemError(CHANGED_MEANWHILE, detail, headers={"ETag": etag})


def is_unchanged(request: Request, etag: str) -> bool:
    """Whether If-None-Match has this tag, so that 304 is the answer; W/ is ignored."""
    sent = request.headers.get("if-none-match")
    if sent is None:
        return False
    (opaque,) = _TAG.findall(etag)
    return sent.strip() == "*" or opaque in _TAG.findall(sent)
