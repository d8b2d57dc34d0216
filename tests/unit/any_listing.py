"""Listings of any requests whatever, for what the messages of every chat must keep of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st
from msgspec.structs import replace

from sayso_bot.domain.brief import brief
from sayso_bot.domain.json import Json
from sayso_bot.domain.listing import MOST_ROWS, Listed, Listing
from sayso_bot.domain.request import Status
from sayso_bot.testing.samples import a_request

USUAL: dict[str, Json] = {"order": "A-1017", "amount": 900, "customer": {"name": "Ana & Sons", "vip": True}}


def a_listing(
    place: str,
    params: Sequence[dict[str, Json]],
    *,
    waiting: int,
    ended: Mapping[Status, int] | None = None,
    paused: str = "",
) -> Listing:
    """A row for each of ``params``; the tokens of their buttons count up from ``btn_00…0``."""
    rows = tuple(
        Listed(brief(replace(a_request(place), params=given)), f"btn_{number:032}", paused)
        for number, given in enumerate(params)
    )
    return Listing("req_1", rows, waiting, ended or {}, "https://sayso.example.com/inbox")


@st.composite
def listings(draw: st.DrawFn, place: str, hostile: Sequence[str]) -> Listing:
    """``hostile`` are texts that take much room on this platform, or that it would obey."""
    words = st.text(max_size=400) | st.sampled_from(hostile)
    value: st.SearchStrategy[Json] = words | st.integers() | st.lists(words, max_size=3)
    rows = draw(st.lists(st.dictionaries(words, value, max_size=6), max_size=MOST_ROWS))
    more = draw(st.integers(0, 100_000))
    ended = draw(st.dictionaries(st.sampled_from(Status), st.integers(1, 10**6)))
    return a_listing(place, rows, waiting=len(rows) + more, ended=ended, paused=draw(words))


def all_is_counted(listing: Listing, *, rows: int, complete: bool, words: str) -> bool:
    """Whether a message with so many ``rows`` says how many have none, and is called complete only where none lacks."""
    if rows == listing.waiting:
        return complete
    return not complete and f"{listing.waiting - rows} " in words
