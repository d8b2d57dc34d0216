"""The agent's form as inputs of a card, and what comes back as answers; `sayso_bot.domain.form.checked` judges them.

Each question is labelled as the agent's. Options come back by their number, so that nothing hangs on how a client
hands a text back. Teams has no input for a day with its time: there are two, in UTC, and they say so. It has none for
files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sayso_adapters.teams.elements import Element, is_tame, paragraph, paragraphs, question
from sayso_bot.domain.dialog import agent_asks, bounds, numbered, option_numbers, option_texts, picked
from sayso_bot.domain.form import MAX_TEXT, Field
from sayso_bot.domain.json import Json

FORM, TIME = "form_", "_time"
MOST_BUTTONS = 10
NO_FILES = "Files are put there in the inbox."


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was filled in before, and what was wrong with it, both by the names of the inputs."""

    given: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str) -> dict[str, str]:
        """The property with which an input begins."""
        return {"value": self.given[name]} if self.given.get(name) else {}

    def fault(self, name: str) -> str:
        return self.wrong.get(name, "")


# --------------------------------------------------------------------------- asked


def inputs_of(name: str, asked: Field, earlier: Earlier) -> list[Element]:
    """The inputs of one question, the first of them called ``name``."""
    label = agent_asks(asked)
    match asked.kind:
        case "files":
            return [*paragraphs(label, weight="Bolder"), paragraph(NO_FILES)]
        case "choose":
            return _choice(name, label, asked, earlier)
        case "number":
            looks = _number(asked, earlier.given.get(name, ""))
            return question("Number", name, label, required=asked.required, wrong=earlier.fault(name), **looks)
        case "datetime":
            return [
                *_plain("Date", name, f"{label} – the day in UTC", asked, earlier),
                *_plain("Time", f"{name}{TIME}", "The time of that day in UTC", asked, earlier),
            ]
        case "text":
            return _plain("Text", name, label, asked, earlier, isMultiline=True, maxLength=MAX_TEXT)
        case "date":
            return _plain("Date", name, label, asked, earlier)
        case "time":
            return _plain("Time", name, label, asked, earlier)


def _plain(kind: str, name: str, label: str, asked: Field, earlier: Earlier, **looks: Any) -> list[Element]:
    begins = earlier.value(name)
    return question(kind, name, label, required=asked.required, wrong=earlier.fault(name), **looks, **begins)


def _number(asked: Field, given: str) -> dict[str, Any]:
    looks: dict[str, Any] = {"placeholder": bounds(asked)} if bounds(asked) else {}
    looks |= {"min": asked.least} if asked.least is not None else {}
    looks |= {"max": asked.most} if asked.most is not None else {}
    try:
        value = float(given)
    except ValueError:
        return looks
    return looks | ({"value": value} if math.isfinite(value) else {})


def _choice(name: str, label: str, asked: Field, earlier: Earlier) -> list[Element]:
    """Where a client might read an option as markup, all stand above in full, and the list has their numbers."""
    titles = option_texts(asked)
    above: list[Element] = []
    if not all(map(is_tame, titles)):
        above = [*paragraphs(f"{label} · options", weight="Bolder"), *paragraphs(numbered(titles))]
        titles = option_numbers(len(titles))
    looks: dict[str, Any] = {
        "choices": [{"title": title, "value": str(number)} for number, title in enumerate(titles)],
        "style": "expanded" if len(titles) <= MOST_BUTTONS else "compact",
        "wrap": True,
    }
    if asked.multiple:
        looks["isMultiSelect"] = True
    return [*above, *_plain("ChoiceSet", name, label, asked, earlier, **looks)]


# --------------------------------------------------------------------------- answered


def response(form: Sequence[Field], answers: Mapping[str, str]) -> dict[str, Json]:
    """What was filled in, by the form's own names."""
    return {asked.name: _answer(f"{FORM}{number}", asked, answers) for number, asked in enumerate(form)}


def marked(form: Sequence[Field], wrong: Mapping[str, str]) -> dict[str, str]:
    """What is wrong, from the form's own names to those of the inputs."""
    return {f"{FORM}{number}": wrong[asked.name] for number, asked in enumerate(form) if asked.name in wrong}


def _answer(name: str, asked: Field, answers: Mapping[str, str]) -> Json:
    """None where nothing was answered."""
    found = answers.get(name, "")
    match asked.kind:
        case "files":
            return None
        case "choose" if asked.multiple:
            return [picked(asked, number) for number in found.split(",")] if found else []
        case "choose":
            return picked(asked, found) if found else None
        case "datetime":
            time = answers.get(f"{name}{TIME}", "")
            return f"{found}T{time}Z" if found or time else None
    return found or None
