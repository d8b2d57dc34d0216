"""A Brief is a request as a list shows it: its outline, the beginning of its params, and how many more there are.

However large a request is, its brief is a few hundred characters, and is kept beside a large one so that a list need
not read the whole. Nobody decides by it: whoever answers is shown all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sayso_bot.domain.card import Fact, leaves, value_text
from sayso_bot.domain.json import Json
from sayso_bot.domain.request import Claims, Outline, Request, Urgency
from sayso_bot.domain.text import one_line

MOST_FACTS = 8
LONGEST = 144
"""Characters of a label, a value or the summary. A surface shows fewer, so a cut text is seen to be cut."""


@dataclass(frozen=True, slots=True)
class Gist:
    """``facts`` are the first params, each cut to `LONGEST`, ``more`` counts the rest; ``says`` begins the summary.

    ``urgency`` is what the agent calls it.
    """

    facts: tuple[Fact, ...]
    more: int
    says: str
    urgency: Urgency | None = None


class Brief(Outline, frozen=True, kw_only=True):
    gist: Gist


def gist(params: Mapping[str, Json], claims: Claims) -> Gist:
    rest = leaves(params)
    first = (Fact(one_line(path[:LONGEST]), value_text(_beginning(value))) for path, value in islice(rest, MOST_FACTS))
    return Gist(tuple(first), sum(1 for _ in rest), one_line((claims.summary or "")[:LONGEST]), claims.urgency)


def brief(request: Request) -> Brief:
    outline = {name: getattr(request, name) for name in Outline.__struct_fields__}
    return Brief(**outline, gist=gist(request.params, request.claims))


def _beginning(value: Json) -> Json:
    """As much of a value as a list can show."""
    if isinstance(value, str):
        return value[:LONGEST]
    if isinstance(value, Sequence):
        return [_beginning(item) for item in value]
    return value
