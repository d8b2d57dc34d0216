"""The dialogs: what is approved, in pages, with what the rule and the agent want of an approver; why something is
denied; and the params that may be edited.

A view carries a token (`sayso_adapters.slack.tokens`) and nothing else: what it means, and what was asked, is read from
the store again when the view comes back. Input blocks are named by what they ask (`REASON`, `TYPED`,
``form_0``, ``edit_0``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sayso_adapters.slack.blocks import (
    ANSWER,
    MAX_INPUT,
    MAX_OPTION,
    MAX_VIEW_BYTES,
    Block,
    actions,
    bold,
    boxed,
    button,
    context,
    divider,
    file_input,
    modal,
    plain,
    question,
    rich,
    section,
    text_input,
)
from sayso_adapters.slack.cards import APPROVE, DENY, EDIT, by_admins, notice
from sayso_adapters.slack.review import pages, parts
from sayso_bot.domain.card import Card
from sayso_bot.domain.demands import MAX_REASON
from sayso_bot.domain.files import MAX_FILE_BYTES, size_text
from sayso_bot.domain.form import Field
from sayso_bot.domain.json import Json
from sayso_bot.domain.text import one_line, visible

NEXT, BACK = "review_next", "review_back"
REASON, TYPED, FORM, EDITED = "reason", "typed", "form_", "edit_"
MOST_BUTTONS = 10
MOST_EDITED = 30
LONGEST_ONE_LINE = 80
FILE_HINT = f"Each at most {size_text(MAX_FILE_BYTES)}"
INPUT_BYTES = 90_000

ONE_MOMENT = "One moment."
_LONG = "This request's dialog is too long for Slack. Answer in the inbox."


# --------------------------------------------------------------------------- approving, page by page


def wants_dialog(card: Card, outcome: str) -> bool:
    """Whether the rule or the agent wants more of somebody than a tap."""
    if outcome == "deny":
        return card.reason != "never"
    return card.reason == "always" or bool(card.confirm or card.form)


def approval(card: Card, token: str, page: int = 0) -> Block:
    """One page of the whole request. The last one asks for what an approval needs, and can be submitted."""
    found = pages(card)
    page = min(max(page, 0), len(found) - 1)
    last, may = page == len(found) - 1, not card.paused
    blocks = [*_opening(card, f"page {page + 1} of {len(found)}" if len(found) > 1 else ""), *found[page]]
    asked = list(_asked(card)) if last and may else []
    if len(json.dumps(asked)) > INPUT_BYTES:
        asked, last = [section(plain(_LONG))], False
    blocks += by_admins(card) if last else []
    blocks += [divider(), *asked] if asked else []
    steps = [
        *([button(BACK, "Back", value=str(page - 1))] if page > 0 else []),
        *([button(NEXT, "Next", value=str(page + 1))] if page < len(found) - 1 else []),
        *([button(DENY, "Deny", value=token, style="danger")] if last else []),
    ]
    if steps:
        blocks.append(actions(steps))
    title = f"Review {page + 1} of {len(found)}" if len(found) > 1 else "Review"
    return modal(APPROVE, title, blocks, metadata=token, submit="Approve" if last and may else "")


def _opening(card: Card, where: str) -> list[Block]:
    small = f"{card.request_id} · revision {card.revision}"
    return [section(plain(card.action)), context(f"{small} · {where}" if where else small)]


def _asked(card: Card) -> Iterator[Block]:
    for number, field in enumerate(card.form):
        yield from _field(f"{FORM}{number}", field)
    if card.reason == "always":
        yield _reason("Why do you approve it?")
    if card.confirm:
        yield question(TYPED, f"Type {card.confirm} to approve", text_input())


def _reason(label: str) -> Block:
    return question(REASON, label, text_input(multiline=True, longest=MAX_REASON))


# --------------------------------------------------------------------------- denying


def denial(card: Card, token: str) -> Block:
    blocks = [*_opening(card, ""), section(plain(notice_text(card))), _reason("Why do you deny it?")]
    return modal(DENY, "Deny", blocks, metadata=token, submit="Deny")


def notice_text(card: Card) -> str:
    """`notice` for ``plain_text``, which shows everything as it is."""
    return notice(card).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


# --------------------------------------------------------------------------- the agent's form


def _field(name: str, field: Field) -> Iterator[Block]:
    label = f"The agent asks · {visible(field.label).strip() or field.name}"
    optional = not field.required
    if field.kind == "choose":
        yield from _choice(name, label, field)
    elif field.kind == "text":
        yield question(name, label, text_input(multiline=True), optional=optional)
    elif field.kind == "files":
        element = file_input(field.most_files, field.accept)
        yield question(name, label, element, optional=optional, hint=", ".join([FILE_HINT, *field.accept]))
    elif field.kind == "number":
        element = {"type": "number_input", "action_id": ANSWER, "is_decimal_allowed": True}
        yield question(name, label, element, optional=optional, hint=_bounds(field))
    else:
        kind = {"date": "datepicker", "time": "timepicker", "datetime": "datetimepicker"}[field.kind]
        yield question(name, label, {"type": kind, "action_id": ANSWER}, optional=optional)


def _choice(name: str, label: str, field: Field) -> Iterator[Block]:
    """Options come back by their number. Where one is too long for an option, all of them stand above in full."""
    texts = [one_line(option) or "(empty)" for option in field.options]
    if any(len(text) > MAX_OPTION for text in texts):
        whole = "\n".join(f"{number}. {text}" for number, text in enumerate(texts, 1))
        for piece in parts(whole):
            yield rich(bold(f"{label} · options"), boxed(piece))
        texts = [f"Option {number}" for number in range(1, len(texts) + 1)]
    few = len(texts) <= MOST_BUTTONS
    kinds = ("checkboxes", "multi_static_select") if field.multiple else ("radio_buttons", "static_select")
    options = [{"text": plain(text), "value": str(number)} for number, text in enumerate(texts)]
    element = {"type": kinds[0] if few else kinds[1], "action_id": ANSWER, "options": options}
    yield question(name, label, element, optional=not field.required)


def _bounds(field: Field) -> str:
    bounds = [f"at least {field.least:g}"] if field.least is not None else []
    bounds += [f"at most {field.most:g}"] if field.most is not None else []
    return ", ".join(bounds).capitalize()


def response(form: Sequence[Field], values: Mapping[str, Any]) -> dict[str, Json]:
    """What was filled in, by the form's own names; `sayso_bot.domain.form.checked` judges it."""
    return {field.name: _given(field, answer(values, f"{FORM}{number}")) for number, field in enumerate(form)}


def _given(field: Field, found: Mapping[str, Any]) -> Json:
    if field.kind == "choose":
        picked = found.get("selected_options") if field.multiple else [found.get("selected_option")]
        names = [_option(field, one) for one in (picked if isinstance(picked, list) else []) if one]
        return names if field.multiple else names[0] if names else None
    if field.kind == "datetime":
        at = found.get("selected_date_time")
        return None if at is None else _moment(at)
    key = {"date": "selected_date", "time": "selected_time"}.get(field.kind, "value")
    value = found.get(key)
    return value if isinstance(value, str) else None


def _option(field: Field, picked: Any) -> str:
    """The option with this number; a text that is no option where there is none."""
    number = picked.get("value") if isinstance(picked, dict) else None
    if isinstance(number, str) and number.isascii() and number.isdigit() and int(number[:6]) < len(field.options):
        return field.options[int(number[:6])]
    return f"no such option\n{number}"


def _moment(at: Any) -> str:
    """RFC 3339 for Slack's seconds; a text that is no time for anything else."""
    if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at < 2**35:
        return "not a time"
    return datetime.fromtimestamp(at, UTC).isoformat()


def answer(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """What came back for the input ``name``, empty where nothing did."""
    block = values.get(name)
    found = block.get(ANSWER) if isinstance(block, dict) else None
    return found if isinstance(found, dict) else {}


# --------------------------------------------------------------------------- editing


def editing(card: Card, texts: Mapping[str, str], token: str) -> Block:
    """An input for each of ``texts`` (`sayso_bot.domain.editing.editable_texts`); what no input holds is said."""
    asked: list[Block] = []
    left: list[str] = []
    room = MAX_VIEW_BYTES - 10_000
    for number, (name, text) in enumerate(texts.items()):
        fits = len(text) <= MAX_INPUT and visible(text) == text and len(one_line(name)) <= LONGEST_ONE_LINE
        many = "\n" in text or len(text) > LONGEST_ONE_LINE
        block = question(
            f"{EDITED}{number}", one_line(name)[:LONGEST_ONE_LINE] or "(no name)", _editor(text, many=many)
        )
        room -= len(json.dumps(block)) if fits else 0
        if fits and len(asked) < MOST_EDITED and room > 0:
            asked.append({**block, "optional": True})
        else:
            left.append(f"“{one_line(name)[:LONGEST_ONE_LINE]}”")
    blocks = [*_opening(card, ""), *asked]
    if left:
        named = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
        blocks.append(section(plain(f"{named} cannot be edited here, only in the inbox.")))
    blocks.append(context("An edit makes a new revision: earlier answers count no longer."))
    return modal(EDIT, "Edit", blocks, metadata=token, submit="Save" if asked else "")


def _editor(text: str, *, many: bool) -> Block:
    return text_input(multiline=many, initial=text[:MAX_INPUT])


def edited_texts(names: Sequence[str], values: Mapping[str, Any]) -> dict[str, str]:
    """What came back for each of ``names``; Slack sends null for an input that was emptied."""
    found = {name: answer(values, f"{EDITED}{number}") for number, name in enumerate(names)}
    return {name: str(given.get("value") or "") for name, given in found.items() if given}


# --------------------------------------------------------------------------- after it


def told(sentence: str) -> Block:
    """A view that says one sentence and can only be closed."""
    return modal("told", "Sayso", [section(plain(sentence))])
