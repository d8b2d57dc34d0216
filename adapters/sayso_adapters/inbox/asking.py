"""What a page asks for beside a tap: the agent's form, and the params that the rule lets approvers edit.

Inputs are named by what they ask and where it stands (``form_0``, ``edit_0``), so no name of the agent's is markup, and
an option comes back by its number. What was filled in is judged by `sayso_bot.domain`, here it is only read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sayso_adapters.inbox.forms import Sent
from sayso_bot.domain.dialog import option_texts, picked
from sayso_bot.domain.editing import as_text, editable_texts, edited
from sayso_bot.domain.files import FILE_ID, MAX_FILE_BYTES, File, size_text
from sayso_bot.domain.form import MAX_TEXT, Field, counted
from sayso_bot.domain.json import Json
from sayso_bot.domain.text import one_line, visible
from sayso_bot.errors import InvalidField

FORM, EDITED = "form_", "edit_"
MOST_ROWS = 12
_LINE_CHARACTERS = 60
_NO_ZONE = re.compile(r"[0-9-]{10}[T ][0-9:.]{5,15}\Z")
_INVISIBLE = "This holds characters that cannot be seen, written as ⟨U+…⟩. Take them out, or leave it as it was."


class NotEdited(InvalidField):
    """An edit that cannot be read. ``fields`` has a sentence for each param that is wrong."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("Some values cannot be used. Nothing was changed.")
        self.fields = fields


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Question:
    """One field of the agent's form as an input. ``label`` and the options' texts are the agent's words.

    Of ``files``, the options are those that this person has put there already; ``accept`` and ``most_files`` are what
    the input takes.
    """

    name: str
    kind: str
    label: str
    required: bool
    multiple: bool
    options: tuple[Option, ...]
    value: str
    hint: str
    least: str
    most: str
    error: str
    accept: str = ""
    most_files: int = 0


@dataclass(frozen=True, slots=True)
class Editor:
    """One param that may be edited, as the text that stands in its input. ``error`` says what is wrong with it."""

    name: str
    label: str
    text: str
    rows: int
    error: str


# --------------------------------------------------------------------------- the agent's form


def questions(
    form: Sequence[Field], sent: Sent | None, errors: Mapping[str, str], put: Sequence[File] = ()
) -> tuple[Question, ...]:
    """The inputs of ``form``, with what was ``sent`` before, ``errors`` by the form's own names, and the files that
    this person has ``put`` there."""
    return tuple(
        _question(f"{FORM}{number}", field, sent, errors, [file for file in put if file.field == field.name])
        for number, field in enumerate(form)
    )


def _question(name: str, field: Field, sent: Sent | None, errors: Mapping[str, str], put: Sequence[File]) -> Question:
    given = sent.all(name) if sent else ()
    least, most = (_bound(bound) for bound in (field.least, field.most))
    return Question(
        name=name,
        kind=field.kind,
        label=one_line(field.label).strip() or one_line(field.name),
        required=field.required,
        multiple=field.multiple,
        options=_put(field, put, given if sent else None) if field.kind == "files" else _options(field, given),
        value=given[-1] if given else "",
        hint=_hint(field, least, most),
        least=least,
        most=most,
        error=errors.get(field.name, ""),
        accept=",".join(field.accept),
        most_files=field.most_files,
    )


def _options(field: Field, given: Sequence[str]) -> tuple[Option, ...]:
    return tuple(Option(str(number), text, str(number) in given) for number, text in enumerate(option_texts(field)))


def _put(field: Field, put: Sequence[File], given: Sequence[str] | None) -> tuple[Option, ...]:
    """What was put there, chosen as it was ``given``; the latest ones where nothing was given yet."""
    latest = {file.id for file in put[-field.most_files :]}
    return tuple(
        Option(file.id, f"{file.name}, {size_text(file.size)}", file.id in (latest if given is None else given))
        for file in put
    )


def _hint(field: Field, least: str, most: str) -> str:
    bounds = [f"at least {least}"] if least else []
    bounds += [f"at most {most}"] if most else []
    files = f"{'' if field.most_files == 1 else 'up to '}{counted(field.most_files)} of {size_text(MAX_FILE_BYTES)}"
    words = {
        "datetime": "in UTC",
        "files": ", ".join([files, *field.accept]),
        "text": f"at most {MAX_TEXT:,} characters",
        "number": ", ".join(bounds),
    }
    told = words.get(field.kind, "any number of them" if field.multiple else "")
    return ", ".join(part for part in ("needed" if field.required else "optional", told) if part)


def _bound(bound: float | None) -> str:
    return "" if bound is None else str(int(bound)) if bound == int(bound) else repr(bound)


def response(form: Sequence[Field], sent: Sent) -> dict[str, Json] | None:
    """What was filled in, by the form's own names, as `sayso_bot.domain.form.checked` reads it. None without a form."""
    if not form:
        return None
    return {field.name: _given(field, sent.all(f"{FORM}{number}")) for number, field in enumerate(form)}


def _given(field: Field, given: Sequence[str]) -> Json:
    if field.kind == "choose":
        chosen: list[Json] = [picked(field, number) for number in given if number]
        return chosen if field.multiple else chosen[0] if len(chosen) == 1 else chosen or None
    if field.kind == "files":
        return [file_id for file_id in given if FILE_ID.match(file_id)]
    text = _lines(given[-1]) if given else ""
    return f"{text}Z" if field.kind == "datetime" and _NO_ZONE.match(text) else text


# --------------------------------------------------------------------------- editing


def editors(
    params: Mapping[str, Json], editable: tuple[str, ...], sent: Sent | None, errors: Mapping[str, str]
) -> tuple[Editor, ...]:
    """An input for each param that may be edited, with what was ``sent`` before, and ``errors`` by param."""
    found = []
    for number, (param, text) in enumerate(editable_texts(params, editable).items()):
        name = f"{EDITED}{number}"
        shown = sent.get(name, visible(text)) if sent else visible(text)
        rows = sum(1 + len(line) // _LINE_CHARACTERS for line in shown[:2000].split("\n"))
        found.append(Editor(name, one_line(param), shown, min(rows, MOST_ROWS), errors.get(param, "")))
    return tuple(found)


def changed(params: Mapping[str, Json], editable: tuple[str, ...], sent: Sent) -> dict[str, Json]:
    """``params`` with what was written into their `editors`. Raises `NotEdited`.

    An input shows invisible characters by their names, and a browser sends every line break as one kind: a value whose
    input was left alone stays as it is, whatever it holds.
    """
    found, errors = dict(params), {}
    for number, param in enumerate(editable_texts(params, editable)):
        text = _lines(sent.get(f"{EDITED}{number}", visible(as_text(params[param]))))
        if text == visible(as_text(params[param])):
            continue
        if visible(text) != text:
            errors[param] = _INVISIBLE
            continue
        try:
            found = edited(found, editable, {param: text})
        except InvalidField as wrong:
            errors[param] = wrong.detail
    if errors:
        raise NotEdited(errors)
    return found


def _lines(text: str) -> str:
    """A browser ends lines by CR LF, whatever stood there."""
    return text.replace("\r\n", "\n")
