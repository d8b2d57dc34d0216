"""Sign-in links and sessions: once, for a while, and gone when ended."""

from __future__ import annotations

import asyncio

import pytest

from sayso_adapters.inbox.sessions import Sessions, make_link
from sayso_bot.testing.clock import Clock
from sayso_bot.testing.context import MemoryShelf


@pytest.fixture
def shelf(clock: Clock) -> MemoryShelf:
    return MemoryShelf(clock)


@pytest.fixture
def sessions(shelf: MemoryShelf, clock: Clock) -> Sessions:
    return Sessions(shelf, clock)


async def _token(shelf: MemoryShelf, alias: str = "email:Ana@Example.com") -> str:
    link = await make_link(shelf, "https://sayso.example/", person_alias=alias, name="Ana")
    address, _, token = link.partition("#")
    assert address == "https://sayso.example/inbox/sign-in"
    return token


async def test_a_link_signs_in_the_person_it_was_made_for(shelf: MemoryShelf, sessions: Sessions) -> None:
    signed_in = await sessions.sign_in(await _token(shelf))
    assert signed_in
    assert signed_in[1].person.aliases == {"email:ana@example.com"}
    assert signed_in[1].person.name == "Ana"


async def test_a_link_works_once_however_many_open_it_at_a_time(shelf: MemoryShelf, sessions: Sessions) -> None:
    token = await _token(shelf)
    tries = await asyncio.gather(*(sessions.sign_in(token) for _ in range(20)))
    assert sum(signed_in is not None for signed_in in tries) == 1


async def test_a_link_lapses_after_ten_minutes(shelf: MemoryShelf, sessions: Sessions, clock: Clock) -> None:
    token = await _token(shelf)
    clock.pass_by(minutes=10, seconds=1)
    assert await sessions.sign_in(token) is None


async def test_the_shelf_never_holds_a_token_or_a_cookie(shelf: MemoryShelf, sessions: Sessions) -> None:
    token = await _token(shelf)
    before = repr(shelf.kept)
    signed_in = await sessions.sign_in(token)
    assert signed_in
    assert token not in before
    assert signed_in[0] not in repr(shelf.kept)


async def test_an_unused_session_ends_after_twelve_hours(shelf: MemoryShelf, sessions: Sessions, clock: Clock) -> None:
    signed_in = await sessions.sign_in(await _token(shelf))
    assert signed_in
    clock.pass_by(hours=11)
    assert await sessions.find(signed_in[0], use=True)
    clock.pass_by(hours=11)
    assert await sessions.find(signed_in[0], use=False)
    clock.pass_by(hours=2)
    assert await sessions.find(signed_in[0], use=True) is None


async def test_a_used_session_ends_after_seven_days(shelf: MemoryShelf, sessions: Sessions, clock: Clock) -> None:
    signed_in = await sessions.sign_in(await _token(shelf))
    assert signed_in
    for _ in range(14):
        assert await sessions.find(signed_in[0], use=True)
        clock.pass_by(hours=11, minutes=59)
    assert await sessions.find(signed_in[0], use=True)
    clock.pass_by(hours=1)
    assert await sessions.find(signed_in[0], use=True) is None


async def test_a_session_that_was_ended_does_not_come_back_through_a_call_under_way(
    shelf: MemoryShelf, sessions: Sessions, clock: Clock
) -> None:
    signed_in = await sessions.sign_in(await _token(shelf))
    assert signed_in
    cookie, session = signed_in
    clock.pass_by(minutes=5)
    await sessions.end(session.id)
    await sessions._mark(session.id)
    assert await sessions.find(cookie, use=True) is None
    assert await sessions.all() == []


async def test_sessions_are_listed_the_latest_used_first(shelf: MemoryShelf, sessions: Sessions, clock: Clock) -> None:
    first = await sessions.sign_in(await _token(shelf, "operator"))
    clock.pass_by(minutes=1)
    second = await sessions.sign_in(await _token(shelf))
    assert first
    assert second
    assert [session.account for session in await sessions.all()] == ["ana@example.com", "operator"]
