"""What the commands show: what waits for somebody, one request to read, where things go, and what an admin's command
would do.

Words of agents, admins and the policy stand in TextRuns alone. A card holds little, so lists say how many are left out,
and the inbox has them all.
"""

from __future__ import annotations

from collections.abc import Sequence

from sayso_adapters import administering
from sayso_adapters.administering import WHY_HINT, not_shown, verb, what_it_asks, what_it_does
from sayso_adapters.buttons import opened
from sayso_adapters.looking import Found, Waiting, Where
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
from sayso_adapters.teams.cards import (
    CLOSE,
    CONFIRM,
    REVIEW,
    SENTENCE_BYTES,
    TOO_LONG,
    Message,
    how_it_stands,
    message,
    too_long,
)
from sayso_adapters.teams.dialogs import REASON, SPACE, turned
from sayso_adapters.teams.elements import (
    COPIED_WORD,
    Element,
    Room,
    actions,
    bold,
    button,
    container,
    fitted,
    link,
    paragraph,
    question,
    size,
    small,
)
from sayso_adapters.teams.elements import card as adaptive
from sayso_adapters.teams.listing import gist, until
from sayso_adapters.teams.review import pages
from sayso_bot.domain.brief import Brief
from sayso_bot.domain.card import Card
from sayso_bot.domain.deeds import MAX_WHY, Deed, Effect
from sayso_bot.domain.interventions import routed, what_is_paused

LINE_BYTES = 700
LONGEST = "x" * SENTENCE_BYTES
TOO_MANY_QUESTIONS = "There is more to be asked than fits here: do this in the inbox."


# --------------------------------------------------------------------------- what waits


def pending_message(waiting: Waiting, inbox: str) -> Message:
    """What waits for somebody, with a button that opens each; what does not fit is counted."""
    opening = [bold("What waits for you", size="Medium")]
    to = actions(link("Open the inbox", inbox))
    room = Room([*opening, *to, small(LONGEST)])
    rows: list[Element] = []
    for request in waiting.requests:
        row = _row(request)
        if not room.take(row):
            break
        rows.append(row)
    left = not_listed(waiting, len(waiting.requests) - len(rows))
    told = [*(rows or [paragraph(NOTHING_WAITS)]), *([small(left)] if left else [])]
    count = len(waiting.requests)
    text = f"{count} request{' waits' if count == 1 else 's wait'} for you." if count else NOTHING_WAITS
    return Message(adaptive([*opening, *told, *to]), text, complete=not left)


def _row(request: Brief) -> Element:
    asks = small(f"{request.agent} asks")
    row = container(*gist(request), asks, until(request), *actions([button(REVIEW, "Review", opened(request))]))
    return {**row, "separator": True}


# --------------------------------------------------------------------------- one request


def told_of(card: Card, found: Found) -> Message:
    """The card of a request that is not answered from here, with a button that opens all of it."""
    return message(card, opened(found.request), instead="Review" if found.may_vote else "Open")


def reading(card: Card, token: str, page: int = 0) -> Element:
    """One page of the whole request and how it stands, for somebody who does not answer it."""
    found = pages(card) if not too_long(card) else [[paragraph(TOO_LONG)]]
    stands = how_it_stands(card)
    if stands:
        fits = size([*stands, *found[0]]) <= SPACE
        found = [[*stands, *found[0]], *found[1:]] if fits else [stands, *found]
    page = min(max(page, 0), len(found) - 1)
    body, turns = turned(card, token, found, page)
    back = button(CLOSE, "Back to the card", token)
    return adaptive([*body, *actions([*turns, back, *link("Open in the inbox", card.review_url)])])


# --------------------------------------------------------------------------- routes and help


def routes_message(where: Where) -> Message:
    """What is paused, the live routes, and the rules, each list with a count of the rest."""
    paused = _lines([what_is_paused(pause) for pause in where.pauses], MOST_CHANGES, "pauses")
    live = _lines([routed(route) for route in where.live], MOST_CHANGES, "live routes")
    rules = _lines([asked_where(route) for route in where.rules], MOST_ROUTES, "rules")
    by_policy = [bold(BY_THE_POLICY)] if paused or live else []
    lines = [*paused, *live, *by_policy, *(rules or [paragraph(NO_RULES)])]
    opening = [bold("Where each kind of action goes", size="Medium")]
    room = Room([*opening, small(REST_IN_POLICY)])
    fitting = [line for line in lines if room.take(line)]
    complete = len(fitting) == len(lines)
    rest = [] if complete else [small(REST_IN_POLICY)]
    return Message(adaptive([*opening, *fitting, *rest]), "Where each kind of action goes.", complete)


def _lines(lines: Sequence[str], most: int, what: str) -> list[Element]:
    left = not_told(len(lines) - most, what)
    told = [paragraph(fitted(line, LINE_BYTES), spacing="Small", word=COPIED_WORD) for line in lines[:most]]
    return [*told, *([small(left)] if left else [])]


def help_message(*, admin: bool) -> Message:
    """What may be asked for, and by an admin."""
    lines = [*help_lines(), *(admins_help_lines() if admin else ())]
    body = [bold("Sayso", size="Medium"), *(paragraph(line, spacing="Small") for line in lines)]
    return Message(adaptive(body), "What you can ask Sayso here.", complete=True)


# --------------------------------------------------------------------------- an admin's command


def confirmation(deed: Deed, effect: Effect, token: str, *, notice: str = "", wrong: str = "") -> Element:
    """What ``deed`` would do. Confirming it says yes to the questions that it shows.

    ``notice`` is told above it, ``wrong`` is what is wrong with the reason.
    """
    opening = [*([bold(fitted(notice, SENTENCE_BYTES))] if notice else []), bold(effect.title, size="Large")]
    why = _why(deed.why, wrong) if hasattr(deed, "why") else []
    do_it = button(CONFIRM, verb(deed, effect), token, style="positive", inputs=True)
    leave = button(CLOSE, "Leave it", token)
    room = Room([*opening, *why, *actions([do_it, leave]), small(LONGEST), small(LONGEST)])

    asks = [bold(fitted(line, SENTENCE_BYTES), color="Attention") for line in what_it_asks(effect)]
    asked = [line for line in asks if room.take(line)]
    does = [fitted(line, SENTENCE_BYTES) for line in what_it_does(effect)]
    lines = [paragraph(line, spacing="Small", word=COPIED_WORD) for line in does]
    shown = [line for line in lines if room.take(line)]
    left = not_shown(effect) if len(shown) == len(lines) else f"{len(effect.lines) - len(shown)} lines do not fit here."
    told = [*shown, *([small(left)] if left else []), *asked]
    if len(asked) < len(asks):
        return adaptive([*opening, *told, paragraph(TOO_MANY_QUESTIONS), *actions([leave])])
    return adaptive([*opening, *told, *why, *actions([do_it, leave])])


def _why(begins: str, wrong: str) -> list[Element]:
    looks = {"placeholder": WHY_HINT, "maxLength": MAX_WHY, "isMultiline": True, "value": begins}
    return question("Text", REASON, administering.WHY, required=False, wrong=wrong, **looks)
