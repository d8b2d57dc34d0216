"""A request on one line, as a locked phone and a list show it: who asks, for what, its first params and until when.

Texts of the agent stand in quotation marks, none of which lie within, so that no value reads as another param.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sayso_bot.domain.brief import Brief
from sayso_bot.domain.card import Card, Fact
from sayso_bot.domain.text import one_line
from sayso_bot.domain.wording import in_utc

LONGEST_PARAMS = 300
LONGEST_WORD = 60

# What may stand on the line without quotation marks.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.\[\]-]{1,60}\Z")
_LITERAL = re.compile(r"(?:true|false|null|-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,4})?)\Z")
_NOT_IN_QUOTES = re.compile(r"[\n\t\"“”„‟«»＂]")
_RISKY = "[high risk] "


def headline(card: Card) -> str:
    """Who asks, for what, its first params and until when; or how it ended."""
    first = asked(card.action, card.facts)
    first = f"{_RISKY}{first}" if card.high_risk else first
    if card.ending:
        return f"{card.ending.headline}: {first}"
    until = f" — until {in_utc(card.expires_at)}" if card.expires_at else ""
    return f"{card.agent} asks {first}{until}"


def asked(action: str, facts: Sequence[Fact], more: int = 0) -> str:
    """The action with its first params. ``more`` counts params beside ``facts``."""
    return f"{action}{_decisive(facts, more)}"


def asked_briefly(request: Brief) -> str:
    """The same of a request of a list."""
    risky = _RISKY if request.requirement and request.requirement.high_risk else ""
    return f"{risky}{asked(one_line(request.action), request.gist.facts, request.gist.more)}"


def _decisive(facts: Sequence[Fact], more: int) -> str:
    told: list[str] = []
    room = LONGEST_PARAMS
    for fact in facts:
        word = f"{_name(fact.label)} {_value(fact.value)}"
        room -= len(word)
        if room < 0:
            break
        told.append(word)
    rest = len(facts) - len(told) + more
    if rest:
        told.append(f"{rest} more params" if rest > 1 else "1 more param")
    return f": {', '.join(told)}" if told else ""


def _name(label: str) -> str:
    return label if _PLAIN_NAME.match(label) else _quoted(label)


def _value(value: str) -> str:
    """A number or the like as it is, a list as a list, and any text in quotation marks."""
    if _LITERAL.match(value):
        return value
    if value[:1] in ("[", "{"):
        return "[…]" if value[0] == "[" and len(value) > 2 else value
    return _quoted(value[1:-1] if value[:1] == '"' else value)


def _quoted(text: str) -> str:
    line = text if len(text) <= LONGEST_WORD else text[: LONGEST_WORD - 1] + "…"
    return f"“{_NOT_IN_QUOTES.sub(lambda found: f'⟨U+{ord(found[0]):04X}⟩', line)}”"
