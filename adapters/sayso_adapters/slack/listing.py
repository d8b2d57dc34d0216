"""A listing as one Slack message: a row and a Review button for each of the first requests, and a count of the others.

A row is no card: it names the action, its first params, who asks and until when, and its button opens all of it. What
does not fit is counted, never left out silently.
"""

from __future__ import annotations

from sayso_adapters.slack.blocks import (
    MAX_URL,
    Block,
    Room,
    actions,
    button,
    date,
    divider,
    escape,
    mrkdwn,
    plain,
    section,
)
from sayso_adapters.slack.cards import OPEN, REVIEW, Message
from sayso_bot.domain.card import needs
from sayso_bot.domain.headline import asked_briefly
from sayso_bot.domain.listing import Listed, Listing
from sayso_bot.domain.wording import shortened

LONGEST_ROW = 350
LONGEST_LINE = 300
LONGEST_PAUSE = 120


def listing_message(listing: Listing, *, mentions: str = "") -> Message:
    """``listing`` with a button for each row. ``complete`` says that each request that waits has one."""
    opening = [section(plain(listing.headline))]
    if mentions:
        opening.insert(0, section(mrkdwn(mentions)))
    link = [actions([button(OPEN, "Open the inbox", url=listing.url)])] if 0 < len(listing.url) <= MAX_URL else []
    closing = [divider(), section(plain("x" * LONGEST_LINE)), section(plain("x" * LONGEST_LINE)), *link]
    room = Room([*opening, *closing])

    rows: list[Block] = []
    shown = 0
    for listed in listing.rows:
        row = _row(listed)
        if not room.take(*row, blocks=len(row)):
            break
        rows += row
        shown += 1
    rest = listing.not_shown(shown)
    said = [section(plain(rest))] if rest else []
    told = [section(plain(listing.have_ended))] if listing.have_ended else []
    blocks = [*opening, *rows, *([divider()] if said or told else []), *said, *told, *(link if listing.waiting else [])]
    return Message(blocks, escape(listing.headline), complete=not rest)


def _row(listed: Listed) -> list[Block]:
    request = listed.request
    until = mrkdwn(f"until {date(request.expires_at)}") if request.expires_at else plain("no deadline")
    words = shortened(f"{asked_briefly(request)}\n{request.agent} asks, {needs(request)}", LONGEST_ROW)
    paused = [plain(shortened(listed.paused, LONGEST_PAUSE))] if listed.paused else []
    row = {**section(plain(words)), "fields": [until, *paused]}
    return [row, actions([button(REVIEW, "Review", value=listed.button)])]
