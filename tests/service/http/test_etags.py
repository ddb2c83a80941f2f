"""ETag, If-Match and If-None-Match as RFC 9110 has them."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from service.http.etags import check_if_match, etag_of, is_unchanged
from service.http.problems import ProblemError


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw})


def test_a_tag_changes_with_any_part_of_the_state() -> None:
    states = [("w_1", 3), ("w_1", 4), ("w_2", 3), ("w_1", "3"), ("w_13",), ("w_1", 3, None)]
    assert len({etag_of(*state) for state in states}) == len(states)
    assert etag_of("w_1", 3) == etag_of("w_1", 3)


@pytest.mark.parametrize("given", ['"a"', '"b", "a"', "*", ' "a" ', '"b",W/"x","a"'])
def test_the_present_state_may_be_changed(given: str) -> None:
    check_if_match(request(if_match=given), '"a"', is_required=True)


@pytest.mark.parametrize("given", ['"b"', 'W/"a"', "a", "", '"ab"'])
def test_another_state_may_not(given: str) -> None:
    with pytest.raises(ProblemError) as told:
        check_if_match(request(if_match=given), '"a"')
    assert told.value.kind.slug == "changed-meanwhile"
    assert told.value.headers == {"ETag": '"a"'}


def test_without_if_match_a_change_passes_unless_it_is_required() -> None:
    check_if_match(request(), '"a"')
    with pytest.raises(ProblemError, match='Send If-Match: "a"') as told:
        check_if_match(request(), '"a"', is_required=True)
    assert told.value.status_code == 428


@pytest.mark.parametrize(
    ("given", "it_is"),
    [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False), ("", False)],
)
def test_what_the_client_has_is_current_or_not(given: str, it_is: bool) -> None:
    assert is_unchanged(request(if_none_match=given), '"a"') is it_is
    assert is_unchanged(request(), '"a"') is False
