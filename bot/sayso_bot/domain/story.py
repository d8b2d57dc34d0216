"""What happened to a request, as it is told beside its card: each thing once, in the order in which it happened.

The card shows how things stand; the story keeps how it came to that. A vote that decided is told with the end. Whom the
agent's key is bound to is told the end apart from it, in a word of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

from sayso_bot.domain.card import ending
from sayso_bot.domain.request import Cause, Outline, Vote
from sayso_bot.domain.text import one_line, visible

PRINCIPAL = "principal"


@dataclass(frozen=True, slots=True)
class Entry:
    """``key`` names it among all that is told of one request, and holds no white space."""

    request_id: str
    key: str
    text: str


def story(request: Outline) -> tuple[Entry, ...]:
    """All there is to tell by now. What was told stays told, whatever is void or left out later."""
    told = [*_edits(request), *_votes(request)]
    return (*(entry for _, entry in sorted(told, key=lambda each: each[0])), *_end(request))


def named(request: Outline, entry: Entry) -> Entry:
    """``entry`` with what it is about, for where several requests are told of."""
    return replace(entry, text=f"{one_line(request.action)} ({request.id}): {entry.text}")


def word(request: Outline) -> Entry:
    """The end of a request that has ended, for whom its agent's key is bound to."""
    ended = ending(request)
    said = ended.headline if ended else "It has ended"
    text = f"{said}: {one_line(request.action)}, which {request.agent} asked for you.{_why(request)}"
    return Entry(request.id, PRINCIPAL, text)


def _edits(request: Outline) -> Iterator[tuple[datetime, Entry]]:
    for edit in request.edits:
        text = f"{one_line(edit.name)} edited the params. Earlier answers count no longer; the card shows both forms."
        yield edit.at, Entry(request.id, f"edit:{edit.revision}", text)


def _votes(request: Outline) -> Iterator[tuple[datetime, Entry]]:
    decided = request.decision is not None and request.decision.cause is Cause.VOTES
    for vote in request.votes:
        if not (decided and vote.revision == request.revision):
            yield vote.at, Entry(request.id, f"vote:{vote.revision}:{quote(vote.person)}", _spoken(vote))


def _spoken(vote: Vote) -> str:
    verb = "approved" if vote.outcome == "approve" else "denied"
    said = f":\n{_barred(vote.reason)}" if vote.reason else "."
    return f"{one_line(vote.name)} {verb} in {one_line(vote.surface)}{said}"


def _barred(text: str) -> str:
    """Somebody's words, each line marked, so that none passes for a line of ours."""
    return "\n".join(f"| {line}" for line in visible(text).split("\n"))


def _end(request: Outline) -> Iterator[Entry]:
    if ended := ending(request):
        yield Entry(request.id, "decided", f"{ended.headline}.{_why(request)}")


def _why(request: Outline) -> str:
    ended = ending(request)
    return f"\n{_barred(ended.reason)}" if ended and ended.reason else ""
