"""What a tap on a card says, read from what Teams sends: strict, and never an exception.

A button's verb, its opaque token, and what was filled in. All of it comes from a client, so nothing is believed here:
who tapped, what the token means and whether the answers will do is looked up afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sayso_adapters.teams.cards import APPROVE, BACK, CLOSE, CONFIRM, DENY, EDIT, GIVE, NEXT, REVIEW
from sayso_adapters.teams.dialogs import EDITED, REASON, TYPED
from sayso_adapters.teams.fields import FORM, TIME

VERBS = frozenset({APPROVE, DENY, REVIEW, EDIT, GIVE, NEXT, BACK, CLOSE, CONFIRM})
OUTCOMES = frozenset({"", APPROVE, DENY, EDIT})
MOST_INPUTS = 200
MOST_PAGES = 10**6
LONGEST_INPUT = 32_000
_TOKEN = re.compile(r"[A-Za-z0-9_.-]{1,160}\Z")
_PAGE = re.compile(r"[0-9]{1,6}\Z")
_FORM = re.compile(rf"{FORM}[0-9]{{1,2}}(?:{TIME})?\Z")
_EDITED = re.compile(rf"{EDITED}[0-9]{{1,4}}\Z")
_INPUT = re.compile(rf"(?:{REASON}|{TYPED})\Z|{_FORM.pattern}|{_EDITED.pattern}")
_HALF = re.compile("[\ud800-\udfff]")
_TOO_LARGE = 10**15


@dataclass(frozen=True, slots=True)
class Tap:
    """``outcome`` is what a dialog's button gives (``approve``, ``deny``, ``edit``), empty of any other button.

    ``form`` and ``edits`` are by the names of the inputs; what was left empty may be absent or empty.
    """

    verb: str
    token: str
    page: int = 0
    outcome: str = ""
    reason: str = ""
    typed: str = ""
    form: Mapping[str, str] = field(default_factory=dict)
    edits: Mapping[str, str] = field(default_factory=dict)


def read_invoke(value: object) -> Tap | None:
    """The tap in the ``value`` of an ``adaptiveCard/action`` invoke, or None for anything that is not one of ours."""
    action = value.get("action") if isinstance(value, Mapping) else None
    if not isinstance(action, Mapping) or action.get("type") != "Action.Execute":
        return None
    return _tap(action.get("verb"), action.get("data"))


def read_submit(value: object) -> Tap | None:
    """The same in the ``value`` of a message by which an older client submits a card."""
    return _tap(value.get("verb"), value) if isinstance(value, Mapping) else None


def _tap(verb: object, data: object) -> Tap | None:
    if not isinstance(data, Mapping) or len(data) > MOST_INPUTS:
        return None
    token, outcome, page = data.get("token"), data.get("outcome", ""), _page(data.get("page", 0))
    answers = _answers(data)
    if not _is_one_of(verb, VERBS) or not _is_one_of(outcome, OUTCOMES) or (verb == GIVE) != bool(outcome):
        return None
    if not isinstance(token, str) or not _TOKEN.match(token) or page is None or answers is None:
        return None
    return Tap(
        verb=str(verb),
        token=token,
        page=page,
        outcome=str(outcome),
        reason=answers.get(REASON, ""),
        typed=answers.get(TYPED, ""),
        form={name: text for name, text in answers.items() if _FORM.match(name)},
        edits={name: text for name, text in answers.items() if _EDITED.match(name)},
    )


def _is_one_of(value: object, known: frozenset[str]) -> bool:
    return isinstance(value, str) and value in known


def _page(value: object) -> int | None:
    """A client may hand a number back as a number or as text."""
    if isinstance(value, str):
        return int(value) if value.isascii() and _PAGE.match(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_PAGES else None


def _answers(data: Mapping[object, object]) -> dict[str, str] | None:
    """What was filled in, by the names of our inputs; None where one of them holds what no input gives."""
    found: dict[str, str] = {}
    for name, value in data.items():
        if isinstance(name, str) and _INPUT.match(name) and value is not None:
            text = _text(value)
            if text is None:
                return None
            found[name] = text
    return found


def _text(value: object) -> str | None:
    """A text with one kind of line break, a number as people write it; None for anything else."""
    if isinstance(value, str):
        whole = len(value) <= LONGEST_INPUT and not _HALF.search(value)
        return value.replace("\r\n", "\n").replace("\r", "\n") if whole else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return f"{value:.15g}" if abs(value) < _TOO_LARGE else None
