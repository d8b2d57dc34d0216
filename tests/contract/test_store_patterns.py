"""What a pattern names, and which patterns meet: Redis and Python agree on it."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from book import EPOCHS, new, opened
from office_store import paused, resumed
from redis_server import RedisServer
from sayso_bot.domain.globs import Glob
from sayso_bot.domain.pauses import Scope
from sayso_bot.errors import Paused

letters = st.text("ab.*", min_size=1, max_size=8)


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(pairs=st.lists(st.tuples(letters, st.text("ab.", min_size=1, max_size=8)), min_size=50, max_size=50))
def test_redis_and_python_agree_on_what_a_pattern_names(server: RedisServer, pairs: list[tuple[str, str]]) -> None:
    async def hold_against_one_another() -> None:
        async with opened(server.url) as store:
            for number, (pattern, action) in enumerate(pairs):
                scope = Scope(action=pattern)
                await paused(store, str(scope), f"p{number}")
                try:
                    await store.submit(new(action=action), EPOCHS)
                    asked = True
                except Paused:
                    asked = False
                await resumed(store, str(scope), f"r{number}")
                assert asked is not Glob(pattern).matches(action), (pattern, action)
                assert asked is not scope.covers("agent", action)

    asyncio.run(hold_against_one_another())


@settings(max_examples=200, deadline=None)
@given(one=letters, other=letters, action=st.text("ab.", max_size=10))
def test_patterns_that_name_one_action_are_known_to_meet(one: str, other: str, action: str) -> None:
    if Glob(one).matches(action) and Glob(other).matches(action):
        assert Glob(one).meets(Glob(other))
        assert Glob(other).meets(Glob(one))


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("a.*", "a.b", True), ("a.*", "*.b", True), ("a.*", "b.*", False), ("*.a", "*.b", False), ("a", "a", True),
        ("a", "b", False), ("*", "x.y", True), ("a*b", "a*c", False), ("a*", "ab*c", True), ("a*b*c", "a*x*c", True),
    ],
)  # fmt: skip
def test_patterns_meet_where_some_action_has_both(one: str, other: str, meet: bool) -> None:
    assert Glob(one).meets(Glob(other)) is Glob(other).meets(Glob(one)) is meet
