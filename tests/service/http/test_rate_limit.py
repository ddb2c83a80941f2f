"""The bucket: a minute's worth at once, then as many as flow back; callers apart, and not
remembered for ever.
"""

from __future__ import annotations

import pytest

from service.http.rate_limit import Allowance, RateLimit, network_of


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_may_come_at_once_and_then_flows_back() -> None:
    clock = Clock()
    limit = RateLimit(3, clock=clock)  # one each 20 s
    assert [limit.take("a").remaining for _ in range(3)] == [2, 1, 0]
    assert limit.take("a") == Allowance(False, 0, 20, 60)
    clock.now = 19.0
    assert limit.take("a").is_allowed is False
    assert limit.take("a").wait_seconds == 1
    clock.now = 20.0
    assert limit.take("a") == Allowance(True, 0, 20, 60)
    clock.now = 1000.0
    assert limit.take("a").remaining == 2


def test_callers_do_not_use_up_each_others() -> None:
    limit = RateLimit(1, clock=Clock())
    assert [limit.take(caller).is_allowed for caller in ("a", "a", "b")] == [True, False, True]


def test_the_callers_not_seen_for_longest_are_forgotten() -> None:
    limit = RateLimit(1, clock=Clock(), most=2)
    for caller in ("a", "b", "a", "c"):  # c makes b forgotten
        limit.take(caller)
    assert [limit.take(caller).is_allowed for caller in ("a", "b")] == [False, True]


def test_what_is_told_of_the_limit() -> None:
    limit = RateLimit(3, clock=Clock())
    assert limit.headers(limit.take("a")) == {
        "RateLimit-Policy": '"minute";q=3;w=60',
        "RateLimit": '"minute";r=2;t=20',
    }


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_machine_may_have_a_whole_network(address: str, caller: str) -> None:
    assert network_of(address) == caller
