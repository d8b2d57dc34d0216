"""Conditions of rules: CEL behind a port of our own, by Google's cel-cpp.

A condition is checked twice. When it is loaded, against the declared types, so that an unknown name, or a comparison
of a text with a number, is found by the admin and not by a request. When it is evaluated, every result but true and
false is a `CannotEvaluate`: errors of cel-cpp come back as values that are true to Python, or are raised.

The library ends a condition after 10,000 steps through lists, but a step may be long. So a condition that goes through
lists is given only so much to look at (`WALKED`), and every condition no more than `WHOLE`.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from cel_expr_python import cel

from sayso_bot.domain.policy import Asked
from sayso_bot.domain.request import Claims
from sayso_bot.policy.cel_dialect import DIALECT
from sayso_bot.policy.cel_errors import Complaint, complaints, why_not
from sayso_bot.policy.params import CannotEvaluate, Declaration, Declared, Size, plain

MAX_EXPRESSION = 2000
WHOLE = Size(values=20_000, characters=128 * 1024)
WALKED = Size(values=1_000, characters=32 * 1024)

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*\Z")
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
_TEXTS = re.compile(
    r"""[rR]?('{3}(?:\\.|[^\\])*?'{3}|"{3}(?:\\.|[^\\])*?"{3}|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|//[^\n]*""",
    re.DOTALL,
)
_PARAM = re.compile(r"(?<![\w.])params\.([_a-zA-Z][_a-zA-Z0-9]*)")
_WALKS = re.compile(r"\b(all|exists|exists_one|filter)\b")
_BOOL = cel.Type.BOOL
_ABOUT: dict[str, Any] = {"action": cel.Type.STRING, "agent": cel.Type.STRING}
_ABOUT_OR_CLAIMS = ("action", "agent", "claims")
_CLAIMS: dict[str, Any] = {
    "claims.summary": cel.Type.STRING,
    "claims.reasoning": cel.Type.STRING,
    "claims.diff": cel.Type.STRING,
    "claims.on_behalf_of": cel.Type.STRING,
    "claims.intent": cel.Type.STRING,
    "claims.urgency": cel.Type.STRING,
    "claims.links": cel.Type.List(cel.Type.STRING),
    "claims.metadata": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
}
_PARAM_TYPES: dict[str, Any] = {
    "string": cel.Type.STRING,
    "number": cel.Type.DOUBLE,
    "integer": cel.Type.INT,
    "boolean": cel.Type.BOOL,
    "list": cel.Type.List(cel.Type.DYN),
    "object": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "string?": cel.Type("google.protobuf.StringValue"),
    "number?": cel.Type("google.protobuf.DoubleValue"),
    "integer?": cel.Type("google.protobuf.Int64Value"),
    "boolean?": cel.Type("google.protobuf.BoolValue"),
    "list?": cel.Type.DYN,
    "object?": cel.Type.DYN,
}


class ConditionInvalid(Exception):
    """The text is no condition; ``complaints`` say where in it, and why."""

    def __init__(self, complaints: tuple[Complaint, ...]) -> None:
        super().__init__(*(complaint.sentence for complaint in complaints))
        self.complaints = complaints


class Facts:
    """What conditions of one scope see of one ask: made once, for all of them."""

    __slots__ = ("_activation", "_size")

    def __init__(self, activation: Any, size: Size) -> None:
        self._activation = activation
        self._size = size

    def given_to(self, walks: bool) -> Any:
        """The library's form of it. Raises `CannotEvaluate` where it is too much."""
        limit = WALKED if walks else WHOLE
        if self._size.values > limit.values or self._size.characters > limit.characters:
            raise CannotEvaluate("its condition was given too much to look at")
        return self._activation


class Use(NamedTuple):
    """Where a condition looks at a param (both numbers begin at 1)."""

    name: str
    line: int
    column: int


class Condition:
    """A checked condition."""

    __slots__ = ("_expression", "_walks", "text")

    def __init__(self, text: str, expression: Any) -> None:
        self.text = text
        self._expression = expression
        self._walks = bool(_WALKS.search(text))

    def uses(self) -> tuple[Use, ...]:
        """The params that it looks at, each where it does so first."""
        bare = _TEXTS.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), self.text)
        found: dict[str, Use] = {}
        for use in _PARAM.finditer(bare):
            above = bare[: use.start()]
            place = Use(use[1], above.count("\n") + 1, use.start() - above.rfind("\n"))
            found.setdefault(use[1], place)
        return tuple(found.values())

    def holds(self, facts: Facts) -> bool:
        """Whether it is true of ``facts``. Raises `CannotEvaluate` where it is neither true nor false."""
        given = facts.given_to(self._walks)
        try:
            result = self._expression.eval(given)
            value = result.value()
            if value is True or value is False:  # of no other type than bool
                return bool(value)
            trouble = str(result)
        except Exception as error:  # noqa: BLE001 - whatever the library raises, the answer is no
            trouble = str(error)
        raise CannotEvaluate(why_not(trouble))


class Scope:
    """The names that conditions under one declaration of params may use."""

    def __init__(self, declaration: Declaration) -> None:
        self._declaration = declaration
        self._shows: set[str] = set()
        self._hidden = tuple(f"params.{param.name}" for param in declaration.params if not _writable(param))
        params = {f"params.{param.name}": _PARAM_TYPES[str(param)] for param in declaration.params if _writable(param)}
        types = _ABOUT | _CLAIMS | params
        self._checking = cel.NewEnv(config=DIALECT, variables=types)
        self._running = cel.NewEnv(config=DIALECT, variables=dict.fromkeys(types, cel.Type.DYN))

    def compile(self, text: str) -> Condition:
        """Raises `ConditionInvalid`."""
        if len(text) > MAX_EXPRESSION:
            raise ConditionInvalid((Complaint(1, 1, f"A condition has at most {MAX_EXPRESSION} characters."),))
        if _HALF_A_PAIR.search(text):
            raise ConditionInvalid((Complaint(1, 1, "A condition cannot hold half of a surrogate pair."),))
        try:
            if self._checking.compile(text).return_type() not in (_BOOL, cel.Type.DYN):
                raise ConditionInvalid((Complaint(1, 1, "A condition must come to true or false; compare something."),))
            expression = self._running.compile(text)
        except RuntimeError as error:
            raise ConditionInvalid(complaints(str(error), text)) from None
        self._shows.update(name for name in _ABOUT_OR_CLAIMS if name in text)
        return Condition(text, expression)

    def facts(self, asked: Asked) -> Facts:
        """Raises `CannotEvaluate` where a declared param is missing or of another type."""
        size = Size()
        seen = self._declaration.read(asked.params, size)
        for name in self._hidden:
            del seen[name]
        shows = self._shows
        if "action" in shows:
            seen["action"] = asked.action
        if "agent" in shows:
            seen["agent"] = asked.agent
        if "claims" in shows:
            seen |= _claims(asked.claims, size)
        return Facts(self._running.Activation(seen), size)


def _writable(param: Declared) -> bool:
    """Whether the name can be written in a condition. Others may be declared, and only their type is checked."""
    return bool(_NAME.match(param.name))


def _claims(claims: Claims, size: Size) -> dict[str, Any]:
    """What the agent says. An absent claim is an empty one."""
    return {
        "claims.summary": plain(claims.summary or "", size),
        "claims.reasoning": plain(claims.reasoning or "", size),
        "claims.diff": plain(claims.diff or "", size),
        "claims.on_behalf_of": plain(claims.on_behalf_of or "", size),
        "claims.intent": plain(claims.intent or "", size),
        "claims.urgency": plain(claims.urgency or "", size),
        "claims.links": plain(claims.links, size),
        "claims.metadata": plain(claims.metadata, size),
    }
