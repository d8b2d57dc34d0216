"""What the app's home, ``/sayso`` and the shortcuts show, as blocks: lists of requests, one request to read, routes.

Words of agents and of the policy stand in ``plain_text`` and ``rich_text`` alone. A view holds a hundred blocks and a
message far less, so lists say how many are left out, and the inbox has them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sayso_adapters.looking import Answered, Found, Waiting, Where
from sayso_adapters.overview import (
    BY_THE_POLICY,
    MOST_CHANGES,
    MOST_ROUTES,
    NO_RULES,
    NOTHING_WAITS,
    REST_IN_POLICY,
    admins_help_lines,
    asked_where,
    help_lines,
    not_listed,
    not_told,
)
from sayso_adapters.slack.blocks import (
    MAX_TEXT,
    MAX_URL,
    Block,
    Room,
    actions,
    button,
    context,
    date,
    divider,
    escape,
    header,
    modal,
    mrkdwn,
    plain,
    section,
)
from sayso_adapters.slack.cards import OPEN, how_it_stands, message
from sayso_adapters.slack.review import pages
from sayso_bot.domain.brief import Brief
from sayso_bot.domain.card import Card, ending, needs
from sayso_bot.domain.headline import asked_briefly
from sayso_bot.domain.interventions import routed, what_is_paused
from sayso_bot.domain.wording import shortened

READ, ANSWER_IT, READ_NEXT, READ_BACK = "read", "read_to_answer", "read_next", "read_back"
READING = frozenset({READ, ANSWER_IT, READ_NEXT, READ_BACK})
"""The action ids of buttons that open or turn what is read. Each carries ``REQUEST`` or ``REQUEST/PAGE``."""

HELP, ADMINS_HELP = help_lines("/sayso "), admins_help_lines("/sayso ")

LONGEST_ROUTE = 240
LONGEST_OUTCOME = 300


# --------------------------------------------------------------------------- lists


def pending(waiting: Waiting) -> list[Block]:
    """What waits for somebody, two blocks each."""
    rows = [block for request in waiting.requests for block in _row(request)]
    left = not_listed(waiting)
    return [*(rows or [section(plain(NOTHING_WAITS))]), *([context(left)] if left else [])]


def pending_message(waiting: Waiting, inbox: str) -> list[Block]:
    """The same within a message; what it does not hold is counted."""
    closing = [*_link("Open the inbox", inbox)]
    room = Room([*closing, context("x" * LONGEST_OUTCOME)])
    rows: list[Block] = []
    told = 0
    for request in waiting.requests:
        row = _row(request)
        if not room.take(*row, blocks=len(row)):
            break
        rows += row
        told += 1
    left = not_listed(waiting, len(waiting.requests) - told)
    return [*(rows or [section(plain(NOTHING_WAITS))]), *([context(left)] if left else []), *closing]


def _row(request: Brief) -> list[Block]:
    until = f"until {date(request.expires_at)}" if request.expires_at else "no deadline"
    return [
        {**section(plain(asked_briefly(request))), "accessory": button(ANSWER_IT, "Review", value=request.id)},
        _small(plain(f"{request.agent} asks"), mrkdwn(until)),
    ]


def _small(*texts: Block) -> Block:
    return {"type": "context", "elements": list(texts)}


def _link(label: str, url: str) -> list[Block]:
    return [actions([button(OPEN, label, url=url)])] if 0 < len(url) <= MAX_URL else []


def listed(waiting: Waiting, inbox: str) -> Block:
    """The dialog with what waits."""
    return modal("pending", "What waits for you", [*pending(waiting), *_link("Open the inbox", inbox)])


# --------------------------------------------------------------------------- the app's home


def home(waiting: Waiting, answered: Sequence[Answered], where: Where | None, inbox: str, at: datetime) -> Block:
    """The home tab as of ``at``. Without ``where`` nothing is said of what goes where."""
    blocks = [header("Waits for you"), *pending(waiting), *_link("Open the inbox", inbox)]
    blocks += [divider(), header("You answered lately"), *_answered(answered)]
    if where is not None:
        blocks += [divider(), header("Where each kind of action goes"), *routing(where)]
    return _home([*blocks, divider(), _small(mrkdwn(f"As of {date(at)}. Open this tab again to see it anew."))])


def home_that_says(sentence: str) -> Block:
    return _home([section(plain(sentence))])


def _home(blocks: list[Block]) -> Block:
    return {"type": "home", "blocks": blocks}


def _answered(answered: Sequence[Answered]) -> list[Block]:
    if not answered:
        return [section(plain("Nothing among the newest requests."))]
    return [block for one in answered for block in _answered_row(one)]


def _answered_row(one: Answered) -> list[Block]:
    verb = "approved" if one.vote.outcome == "approve" else "denied"
    ended = ending(one.request)
    stands = ended.headline if ended else f"Still open: {needs(one.request)}"
    return [
        {**section(plain(asked_briefly(one.request))), "accessory": button(READ, "Open", value=one.request.id)},
        _small(mrkdwn(f"You {verb} it {date(one.vote.at)}"), plain(shortened(stands, LONGEST_OUTCOME))),
    ]


# --------------------------------------------------------------------------- routes


def routing(where: Where) -> list[Block]:
    """What is paused, the live routes, and the first `MOST_ROUTES` rules, each list with a count of the rest."""
    paused = [what_is_paused(pause) for pause in where.pauses]
    live = [routed(route) for route in where.live]
    changed = [*_lines(paused, MOST_CHANGES, "pauses"), *_lines(live, MOST_CHANGES, "live routes")]
    rules = _lines([asked_where(route) for route in where.rules], MOST_ROUTES, "rules")
    by_policy = [section(plain(BY_THE_POLICY))] if changed else []
    return [*changed, *by_policy, *(rules or [section(plain(NO_RULES))])]


def _lines(lines: Sequence[str], most: int, what: str) -> list[Block]:
    """As many to a block as it holds."""
    told = [shortened(line, LONGEST_ROUTE) for line in lines[:most]]
    left = not_told(len(lines) - len(told), what)
    rest = [context(left)] if left else []
    return [*(section(plain(text)) for text in _packed(told)), *rest]


def _packed(lines: Sequence[str]) -> Iterator[str]:
    packed = ""
    for line in lines:
        joined = f"{packed}\n{line}" if packed else line
        if len(escape(joined)) > MAX_TEXT:
            yield packed
            joined = line
        packed = joined
    if packed:
        yield packed


def routes_message(where: Where) -> list[Block]:
    """The same within a message."""
    room = Room([context("x" * LONGEST_OUTCOME)])
    blocks = routing(where)
    fitting = [block for block in blocks if room.take(block, blocks=1)]
    return [*fitting, *([context(REST_IN_POLICY)] if len(fitting) < len(blocks) else [])]


# --------------------------------------------------------------------------- one request


def told_of(card: Card, found: Found) -> list[Block]:
    """The card of a request within a message that cannot answer it, with a button that opens all of it."""
    label, action = ("Review", ANSWER_IT) if found.may_vote else ("Open", READ)
    return message(card, "", instead=[actions([button(action, label, value=card.request_id), *_to(card)])]).blocks


def reading(card: Card, found: Found, page: int = 0) -> Block:
    """A dialog with one page of the whole request and how it stands. Where it may be answered, a button leads there."""
    whole = pages(card)
    page = min(max(page, 0), len(whole) - 1)
    where = f" · page {page + 1} of {len(whole)}" if len(whole) > 1 else ""
    small = context(f"{card.request_id} · revision {card.revision}{where}")
    steps = [
        *([button(READ_BACK, "Back", value=f"{card.request_id}/{page - 1}")] if page > 0 else []),
        *([button(READ_NEXT, "Next", value=f"{card.request_id}/{page + 1}")] if page < len(whole) - 1 else []),
        *([button(ANSWER_IT, "Review and answer", value=card.request_id)] if found.may_vote else []),
        *_to(card),
    ]
    opening = [section(plain(card.action)), small, *(how_it_stands(card) if page == 0 else [])]
    return modal("reading", "Request", [*opening, divider(), *whole[page], *([actions(steps)] if steps else [])])


def _to(card: Card) -> list[Block]:
    return [button(OPEN, "Open in the inbox", url=card.review_url)] if 0 < len(card.review_url) <= MAX_URL else []
