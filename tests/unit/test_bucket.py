"""Buckets have so many tokens at once, fill at their rate, and take back what was not used."""

from __future__ import annotations

from sayso_bot.domain import bucket
from sayso_bot.domain.bucket import Buckets
from unit.seconds import Seconds


def test_a_bucket_has_its_burst_and_then_its_rate() -> None:
    clock = Seconds(100)
    buckets = Buckets(clock)
    assert [buckets.take("a", 2, 3) for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.take("b", 2, 3) == 0, "others have buckets of their own"
    clock.now += 0.5
    assert [buckets.take("a", 2, 3) for _ in range(2)] == [0, 0.5]
    clock.now += 60
    assert [buckets.take("a", 2, 3) for _ in range(4)] == [0, 0, 0, 0.5]


def test_what_is_given_back_may_be_taken_again_and_never_fills_it_beyond_its_burst() -> None:
    buckets = Buckets(Seconds(100))
    buckets.give_back("a", 2, 3)
    assert [buckets.take("a", 2, 3) for _ in range(4)] == [0, 0, 0, 0.5]
    buckets.give_back("a", 2, 3)
    assert [buckets.take("a", 2, 3) for _ in range(2)] == [0, 0.5]
    for _ in range(5):
        buckets.give_back("a", 2, 3)
    assert [buckets.take("a", 2, 3) for _ in range(4)] == [0, 0, 0, 0.5]


def test_full_buckets_are_forgotten_before_others() -> None:
    clock = Seconds(100)
    buckets = Buckets(clock)
    for number in range(bucket.MOST):
        buckets.take(f"early {number}", 1, 1)
    clock.now += 1
    buckets.take("empty", 0.001, 1)
    clock.now += 1
    buckets.take("late", 1, 1)
    assert buckets.take("empty", 0.001, 1) > 0
    assert len(buckets._left) <= bucket.MOST


def test_several_are_taken_together_or_none_and_never_more_than_a_full_bucket_has() -> None:
    clock = Seconds(100)
    buckets = Buckets(clock)
    assert buckets.take("a", 2, 10, 11) == 0, "a full bucket is all that there ever is"
    clock.now += 2
    assert buckets.take("a", 2, 10, 11) == 3
    assert [buckets.take("a", 2, 10) for _ in range(5)] == [0, 0, 0, 0, 0.5], "the refused one has taken nothing"
