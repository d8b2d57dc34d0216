"""A listing as one card: a row and a Review button for each of the first requests, and a count of the others.

A row is no card of its own: it names the action, its first params, who asks and until when, and its button opens all of
it. What does not fit is counted, never left out silently.
"""

from __future__ import annotations

from sayso_adapters.teams.cards import REVIEW, Message
from sayso_adapters.teams.elements import (
    Element,
    Room,
    actions,
    button,
    container,
    fitted,
    link,
    moment,
    paragraph,
    small,
)
from sayso_adapters.teams.elements import card as adaptive
from sayso_bot.domain.brief import Brief
from sayso_bot.domain.card import needs
from sayso_bot.domain.headline import asked_briefly
from sayso_bot.domain.listing import Listed, Listing
from sayso_bot.domain.wording import NO_DEADLINE

ROW_BYTES = 1200
LINE_BYTES = 800
PAUSE_BYTES = 500


def listing_message(listing: Listing) -> Message:
    """``listing`` with a button for each row. ``complete`` says that each request that waits has one."""
    opening = [paragraph(listing.headline, weight="Bolder", size="Medium")]
    longest = [paragraph(fitted("x" * LINE_BYTES, LINE_BYTES)) for _ in range(2)]
    to = actions(link("Open the inbox", listing.url)) if listing.waiting else []
    room = Room([*opening, *longest, *to])

    rows: list[Element] = []
    for listed in listing.rows:
        made = _row(listed)
        if not room.take(made):
            break
        rows.append(made)
    rest = listing.not_shown(len(rows))
    told = [paragraph(fitted(line, LINE_BYTES), spacing="Medium") for line in (rest, listing.have_ended) if line]
    return Message(adaptive([*opening, *rows, *told, *to]), listing.headline, complete=not rest)


def _row(listed: Listed) -> Element:
    request = listed.request
    paused = [paragraph(fitted(listed.paused, PAUSE_BYTES))] if listed.paused else []
    asks = small(f"{request.agent} asks, {needs(request)}")
    return {
        **container(*gist(request), asks, until(request), *paused, *actions([button(REVIEW, "Review", listed.button)])),
        "separator": True,
    }


def gist(request: Brief) -> list[Element]:
    """What is asked, with its first params."""
    return [paragraph(fitted(asked_briefly(request), ROW_BYTES), weight="Bolder")]


def until(request: Brief) -> Element:
    if request.expires_at is None:
        return small(NO_DEADLINE)
    return {**moment(request.expires_at, before="until "), "size": "Small", "isSubtle": True}
