"""What cel-cpp says, turned into sentences of ours: none of its own words reaches an admin or an agent.

It reports by text alone, so this module reads that text. A text that it does not know gets the general sentence, which
is less helpful and never wrong.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sayso_bot.policy.tree import shown


class Complaint(NamedTuple):
    """What is wrong with a condition, and where in it (both numbers begin at 1)."""

    line: int
    column: int
    sentence: str


_REPORTED = re.compile(r"^(?:[A-Z_]+: )?ERROR: <input>:(\d+):(\d+): (.*)$", re.MULTILINE)
_TOO_DEEP = re.compile(r"[^\n]*(recursion limit exceeded|max recursion depth)")
_UNKNOWN_NAME = re.compile(r"undeclared reference to '([\w.\-]+)'")
_NO_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '(.*)'")
_TYPE_WORDS = (
    (re.compile(r"wrapper\(|\)|google\.protobuf\."), " "),
    (re.compile(r"\bdouble\b"), "number"),
    (re.compile(r"\bint\b"), "whole number"),
    (re.compile(r"\bstring\b"), "text"),
    (re.compile(r"\bbool\b"), "true-or-false"),
    (re.compile(r"\bnull_type\b"), "null"),
)
_KNOWN_TYPES = frozenset({"number", "whole number", "text", "true-or-false", "null"})
_OPERATORS = re.compile(r"_?([-+*/%<>=!&|]{1,2}|\?)_?(?::_)?\Z")
_NAMES = "A condition can use action, agent, params.NAME and claims.NAME."
_UNKNOWN_WORDS = {
    "has": "has() is not offered. For an optional param write params.x != null; for a key write 'key' in params.x.",
    "map": "map() is not offered. Use exists, exists_one, all or filter.",
    "params": "params is used by name: params.amount. What a condition uses must be declared under params.",
    "claims": "claims is used by name: claims.summary.",
}
_SYNTAX = (
    "This is not a condition. Texts stand in single quotes, and comparisons are ==, !=, <, <=, >, >=, in; "
    "they are joined by && and ||."
)
_TYPES = "The types of these values do not go together."
_REASONS = (
    ("Iteration budget", "its condition takes too many steps"),
    ("Key not found", "its condition looks for a key that is not there"),
    ("SELECT", "its condition looks for a key in a value that has none"),
    ("container type", "its condition looks for a key in a value that has none"),
    ("Index error", "its condition looks beyond the end of a list"),
    ("No matching overloads", "its condition joins values of types that do not go together"),
    ("overflow", "a calculation of its condition goes out of range"),
    ("out of int64 range", "a calculation of its condition goes out of range"),
    ("by zero", "its condition divides by zero"),
    ("regular expression", "its condition uses a search pattern that is not valid"),
    ("onversion", "its condition converts a value that cannot be converted"),
    ("cannot convert", "its condition converts a value that cannot be converted"),
)


def complaints(report: str, text: str) -> tuple[Complaint, ...]:
    """The problems of a condition ``text`` that the compiler refused with ``report``."""
    if _TOO_DEEP.match(report):
        return (Complaint(1, 1, "The condition is nested too deep; split it into several rules."),)
    found = [
        _complaint(int(line), int(column), said, text)
        for line, column, said in _REPORTED.findall(report)
        if "*error*" not in said
    ]
    syntax = [complaint for complaint in found if complaint.sentence is _SYNTAX]
    if any(complaint.sentence is _UNKNOWN_WORDS["map"] for complaint in found):
        found = [complaint for complaint in found if not complaint.sentence.endswith(_NAMES)]
    return tuple(syntax[:1] or found) or (Complaint(1, 1, _SYNTAX),)


def why_not(report: str) -> str:
    """Why an evaluation that ended with ``report`` has no answer; it ends a sentence."""
    return next((why for sign, why in _REASONS if sign in report), "its condition is neither true nor false for it")


def _complaint(line: int, column: int, said: str, text: str) -> Complaint:
    if unknown := _UNKNOWN_NAME.search(said):
        return Complaint(line, _beginning(unknown[1], line, column, text), _unknown(unknown[1]))
    if mismatch := _NO_OVERLOAD.search(said):
        return Complaint(line, column, _mismatch(mismatch[1], mismatch[2]))
    if "invalid int literal" in said or "invalid double literal" in said:
        return Complaint(line, column, "This number is too large.")
    return Complaint(line, column, _SYNTAX if said.startswith(("Syntax error", "reserved identifier")) else _TYPES)


def _beginning(name: str, line: int, column: int, text: str) -> int:
    """The column where ``name`` begins; of a dotted name the compiler reports the last dot, of a call the bracket."""
    written = "".join(text.split("\n")[line - 1 : line])
    prefix = name.rpartition(".")[0] if written[column - 1 : column] == "." else name
    return column - len(prefix) if written[: column - 1].endswith(prefix) else column


def _unknown(name: str) -> str:
    group, _, rest = name.partition(".")
    if group == "params" and rest:
        return f"{shown(name)} is not declared under params."
    if group == "claims" and rest:
        known = "summary, reasoning, diff, links, metadata, on_behalf_of, intent and urgency"
        return f"{shown(name)} is not a claim: {known} are."
    return _UNKNOWN_WORDS.get(name, f'"{shown(name)}" is not known here. {_NAMES}')


def _mismatch(function: str, types: str) -> str:
    operator = _OPERATORS.match(function)
    sign = "in" if function == "@in" else operator[1] if operator else None
    sides = [_type(side) for side in types.strip("()").split(", ")]
    if sign in {"+", "-", "*", "/", "%"} and set(sides) == {"number", "whole number"}:
        return f"{sign} does not join a number and a whole number; write the whole number with a point: 2.0."
    if sign and len(sides) == 2 and _KNOWN_TYPES.issuperset(sides):
        return f"{sign} does not join a {sides[0]} and a {sides[1]}."
    return _TYPES


def _type(said: str) -> str:
    for pattern, word in _TYPE_WORDS:
        said = pattern.sub(word, said)
    return said.strip()
