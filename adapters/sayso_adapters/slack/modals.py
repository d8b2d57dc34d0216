"""The dialogs: what is approved, in pages, with what the rule and the agent want of an approver; why something is
denied; and the params that may be edited.

A view carries a token (`sayso_adapters.buttons`) and nothing else: what it means, and what was asked, is read from
the store again when the view comes back. Input blocks are named by what they ask (`REASON`, `TYPED`,
``form_0``, ``edit_0``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sayso_adapters.payloads import as_object
from sayso_adapters.slack.blocks import (
    ANSWER,
    MAX_INPUT,
    MAX_OPTION,
    MAX_TEXT,
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
from sayso_adapters.slack.cards import APPROVE, DENY, EDIT, by_admins
from sayso_adapters.slack.review import pages, parts
from sayso_bot.domain.card import Card
from sayso_bot.domain.demands import MAX_REASON
from sayso_bot.domain.dialog import (
    FILE_HINT,
    WHY_APPROVE,
    WHY_DENY,
    agent_asks,
    bounds,
    editor_name,
    is_editable,
    numbered,
    only_in_the_inbox,
    option_numbers,
    option_texts,
    picked,
    type_to_approve,
    wants_lines,
)
from sayso_bot.domain.form import Field
from sayso_bot.domain.headline import headline
from sayso_bot.domain.json import Json
from sayso_bot.domain.wording import VOID_BY_EDIT, shortened

NEXT, BACK = "review_next", "review_back"
REASON, TYPED, FORM, EDITED = "reason", "typed", "form_", "edit_"
MOST_BUTTONS = 10
MOST_EDITED = 30
INPUT_BYTES = 90_000

ONE_MOMENT = "One moment."
_LONG = "This request's dialog is too long for Slack. Answer in the inbox."


# --------------------------------------------------------------------------- approving, page by page


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
        yield _reason(WHY_APPROVE)
    if card.confirm:
        yield question(TYPED, type_to_approve(card), text_input())


def _reason(label: str) -> Block:
    return question(REASON, label, text_input(multiline=True, longest=MAX_REASON))


# --------------------------------------------------------------------------- denying


def denial(card: Card, token: str) -> Block:
    blocks = [*_opening(card, ""), section(plain(headline(card))), _reason(WHY_DENY)]
    return modal(DENY, "Deny", blocks, metadata=token, submit="Deny")


# --------------------------------------------------------------------------- the agent's form


def _field(name: str, field: Field) -> Iterator[Block]:
    label = agent_asks(field)
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
        yield question(name, label, element, optional=optional, hint=bounds(field))
    else:
        kind = {"date": "datepicker", "time": "timepicker", "datetime": "datetimepicker"}[field.kind]
        yield question(name, label, {"type": kind, "action_id": ANSWER}, optional=optional)


def _choice(name: str, label: str, field: Field) -> Iterator[Block]:
    """Options come back by their number. Where one is too long for an option, all of them stand above in full."""
    texts = option_texts(field)
    if any(len(text) > MAX_OPTION for text in texts):
        for piece in parts(numbered(texts)):
            yield rich(bold(f"{label} · options"), boxed(piece))
        texts = option_numbers(len(texts))
    few = len(texts) <= MOST_BUTTONS
    kinds = ("checkboxes", "multi_static_select") if field.multiple else ("radio_buttons", "static_select")
    options = [{"text": plain(text), "value": str(number)} for number, text in enumerate(texts)]
    element = {"type": kinds[0] if few else kinds[1], "action_id": ANSWER, "options": options}
    yield question(name, label, element, optional=not field.required)


def response(form: Sequence[Field], values: Mapping[str, Any]) -> dict[str, Json]:
    """What was filled in, by the form's own names; `sayso_bot.domain.form.checked` judges it."""
    return {field.name: _given(field, answer(values, f"{FORM}{number}")) for number, field in enumerate(form)}


def _given(field: Field, found: Mapping[str, Any]) -> Json:
    if field.kind == "choose":
        chosen = found.get("selected_options") if field.multiple else [found.get("selected_option")]
        options = [as_object(one) for one in (chosen if isinstance(chosen, list) else []) if one]
        names = [picked(field, option.get("value")) for option in options]
        return names if field.multiple else names[0] if names else None
    if field.kind == "datetime":
        at = found.get("selected_date_time")
        return None if at is None else _moment(at)
    key = {"date": "selected_date", "time": "selected_time"}.get(field.kind, "value")
    value = found.get(key)
    return value if isinstance(value, str) else None


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
        fits = is_editable(name, text, MAX_INPUT)
        element = text_input(multiline=wants_lines(text), initial=text[:MAX_INPUT])
        block = question(f"{EDITED}{number}", editor_name(name), element)
        room -= len(json.dumps(block)) if fits else 0
        if fits and len(asked) < MOST_EDITED and room > 0:
            asked.append({**block, "optional": True})
        else:
            left.append(name)
    blocks = [*_opening(card, ""), *asked]
    if left:
        blocks.append(section(plain(only_in_the_inbox(left))))
    blocks.append(context(VOID_BY_EDIT))
    return modal(EDIT, "Edit", blocks, metadata=token, submit="Save" if asked else "")


def edited_texts(names: Sequence[str], values: Mapping[str, Any]) -> dict[str, str]:
    """What came back for each of ``names``; Slack sends null for an input that was emptied."""
    found = {name: answer(values, f"{EDITED}{number}") for number, name in enumerate(names)}
    return {name: str(given.get("value") or "") for name, given in found.items() if given}


# --------------------------------------------------------------------------- after it


def told(sentence: str) -> Block:
    """A view that says one sentence and can only be closed."""
    return modal("told", "Sayso", [section(plain(shortened(sentence, MAX_TEXT)))])
