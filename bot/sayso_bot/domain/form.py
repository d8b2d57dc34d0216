"""A form that an agent asks to have filled in with an approval, and the answers as they are checked.

The agent writes its labels and options, so all of it is shown as the agent's. The rule must allow forms. Answers are
data for the agent; none of them is a reason for anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Literal, TypeAlias

from sayso_bot.domain.files import MAX_IN_ANSWER, File, described
from sayso_bot.domain.json import Json
from sayso_bot.domain.text import says_something

Kind = Literal["choose", "text", "number", "date", "time", "datetime", "files"]
KINDS: tuple[Kind, ...] = ("choose", "text", "number", "date", "time", "datetime", "files")

MAX_FIELDS = 20
MAX_LABEL = 150
MAX_OPTIONS = 100
MAX_OPTION = 75
MAX_TEXT = 3000
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?\Z")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z")
_MOST_EXACT = 2**53 - 1
_FIRST_YEAR, _LAST_YEAR = 1900, 2999

Answers: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Field:
    """One question. ``options`` are of ``choose`` alone, ``multiple`` too; ``least`` and ``most`` of ``number``;
    ``most_files`` and ``accept`` (`sayso_bot.domain.files.accepts`) of ``files``."""

    name: str
    kind: Kind
    label: str
    required: bool = True
    options: tuple[str, ...] = ()
    multiple: bool = False
    least: float | None = None
    most: float | None = None
    most_files: int = MAX_IN_ANSWER
    accept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.name == name), None)


class FormInvalid(Exception):
    """``errors`` holds a sentence for each field that is not filled in as it must be."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {why}" for name, why in errors.items()))
        self.errors = errors


def checked(form: Form, given: Mapping[str, Json], put: Sequence[File] = ()) -> dict[str, Json]:
    """The answers as the agent gets them: one for each field, null where an optional one is left out.

    A text for ``text``, ``date`` (2026-11-24), ``time`` (09:30) and ``datetime`` (RFC 3339, in UTC); a number or its
    text for ``number``; an option, or a list of them where ``multiple``, for ``choose``; for ``files`` ids of files
    that who answers has ``put`` into the same field. Raises `FormInvalid`.
    """
    errors: dict[str, str] = {}
    found: dict[str, Json] = {}
    for field in form.fields:
        value = given.get(field.name)
        if value is None or value == "" or value == []:
            found[field.name] = None
            if field.required:
                errors[field.name] = "This is needed."
            continue
        try:
            found[field.name] = (
                _files(field, value, put) if field.kind == "files" else _READERS[field.kind](field, value)
            )
        except _Wrong as wrong:
            errors[field.name] = str(wrong)
    for name in given.keys() - {field.name for field in form.fields}:
        errors[name] = "The form has no such field."
    if errors:
        raise FormInvalid(errors)
    return found


class _Wrong(Exception):
    """A sentence for who fills the form in."""


def _choice(field: Field, value: Json) -> Json:
    chosen = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if any(option not in field.options for option in chosen) or len(set(map(str, chosen))) != len(chosen):
        raise _Wrong("Choose from the options.")
    if field.multiple:
        return [str(option) for option in chosen]
    if len(chosen) != 1:
        raise _Wrong("Choose one.")
    return str(chosen[0])


def _files(field: Field, value: Json, put: Sequence[File]) -> Json:
    named = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    theirs = {file.id: file for file in put if file.field == field.name}
    if any(not isinstance(name, str) or name not in theirs for name in named) or len(set(map(str, named))) < len(named):
        raise _Wrong("Choose files that you have put here yourself, each once.")
    if len(named) > field.most_files:
        raise _Wrong(f"This takes at most {counted(field.most_files)}.")
    return [described(theirs[str(name)]) for name in named]


def counted(files: int) -> str:
    return f"{files} file{'' if files == 1 else 's'}"


def _text(field: Field, value: Json) -> Json:
    if not isinstance(value, str):
        raise _Wrong("This must be a text.")
    if len(value) > MAX_TEXT:
        raise _Wrong(f"This has at most {MAX_TEXT} characters.")
    if field.required and not says_something(value):
        raise _Wrong("This is needed.")
    return value


def _number(field: Field, value: Json) -> Json:
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.match(text):
            raise _Wrong("This must be a number, such as 12 or 12.5.")
        value = float(text) if "." in text else int(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _Wrong("This must be a number, such as 12 or 12.5.")
    if abs(value) > _MOST_EXACT:
        raise _Wrong("This number is too large.")
    if field.least is not None and value < field.least:
        raise _Wrong(f"This must be at least {field.least:g}.")
    if field.most is not None and value > field.most:
        raise _Wrong(f"This must be at most {field.most:g}.")
    return int(value) if value == int(value) else value


def _date(field: Field, value: Json) -> Json:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise _Wrong("This must be a date, such as 2026-11-24.") from None


def _time(field: Field, value: Json) -> Json:
    if not isinstance(value, str) or not _TIME.match(value):
        raise _Wrong("This must be a time of day, such as 09:30.")
    return time.fromisoformat(value).strftime("%H:%M")


def _datetime(field: Field, value: Json) -> Json:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        raise _Wrong("This must be a date and a time, such as 2026-11-24T09:30Z.") from None
    if at.tzinfo is None:
        raise _Wrong("This must name its time zone, such as 2026-11-24T09:30Z.")
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise _Wrong("This must be a date of our time.")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_READERS: Mapping[Kind, Callable[[Field, Json], Json]] = {
    "choose": _choice,
    "text": _text,
    "number": _number,
    "date": _date,
    "time": _time,
    "datetime": _datetime,
}
