"""The store of keys and accounts that a request's service was started with."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from starlette.requests import Request

from index.access.accounts.accounts import BadAccount, NoSuchAccount
from index.access.accounts.invitations import NoSuchInvitation
from index.access.store import AccessStore
from service.http.problems import BUSY, INVALID, NOT_FOUND, Fault, ProblemError


def access_of(request: Request) -> AccessStore:
    """The store. Raises a `busy` problem where the service has none."""
    store = request.app.state.access
    if store is None:
        raise ProblemError(BUSY, "This service was started without a store for keys and accounts.")
    assert isinstance(store, AccessStore)
    return store


@contextmanager
def as_problems(field: str) -> Generator[None]:
    """Turn what can't be done into `invalid` or `not-found` problems."""
    try:
        yield
    except (NoSuchAccount, NoSuchInvitation) as error:
        raise ProblemError(NOT_FOUND, in_a_sentence(error)) from error
    except BadAccount as error:
        text = in_a_sentence(error)
        raise ProblemError(INVALID, text, errors=[Fault(field=field, reason=text)]) from error


def in_a_sentence(error: Exception) -> str:
    """An error's message as a sentence of an answer."""
    text = str(error).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
