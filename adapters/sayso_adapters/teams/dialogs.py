"""What is shown in the card's place to one person who tapped it: what is approved, in pages, with what the rule and the
agent want of an approver; why something is denied; the params that may be edited; and what became of a tap.

Each is a card of its own, and carries the same opaque token as the button that was tapped. Inputs are named by what
they ask (`REASON`, `TYPED`, ``form_0``, ``edit_0``); what each means is looked up when it comes back. ``given`` is what
was filled in before and ``wrong`` what is wrong with it, both by those names; ``said`` is told above all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sayso_adapters.teams.cards import (
    APPROVE,
    BACK,
    CLOSE,
    DENY,
    EDIT,
    FILES_IN_INBOX,
    GIVE,
    NEXT,
    SENTENCE_BYTES,
    TOO_LONG,
    above,
    heading,
    message,
    too_long,
    wants_files,
)
from sayso_adapters.teams.elements import (
    COPIED_WORD,
    MAX_CARD,
    Element,
    Room,
    actions,
    button,
    fitted,
    link,
    paragraph,
    paragraphs,
    question,
    size,
    small,
)
from sayso_adapters.teams.elements import card as adaptive
from sayso_adapters.teams.fields import FORM, Earlier, inputs_of
from sayso_adapters.teams.review import pages
from sayso_bot.domain.card import Card
from sayso_bot.domain.demands import MAX_REASON
from sayso_bot.domain.dialog import (
    WHY_APPROVE,
    WHY_DENY,
    editor_name,
    is_editable,
    only_in_the_inbox,
    type_to_approve,
    wants_lines,
)
from sayso_bot.domain.headline import headline
from sayso_bot.domain.wording import VOID_BY_EDIT, by_admins, shortened

REASON, TYPED, EDITED = "reason", "typed", "edit_"
LONGEST_EDITED = 3000
MOST_EDITED = 30
LONGEST_HEADLINE = 800
LONGEST_TOLD = MAX_CARD // 2
SPACE = MAX_CARD - 7000
"""Bytes for what is shown and asked; the others are for what stands above and for the buttons."""
_NOTHING: Mapping[str, str] = {}

FORM_TOO_LONG = "The form of this request is too long for Teams. Answer in the inbox."
ONLY_DENIED = "It can only be denied now."
NOT_AGAIN = "Not all of what you filled in fits here once more: look at every field."


# --------------------------------------------------------------------------- approving, page by page


def approval(
    card: Card,
    token: str,
    page: int = 0,
    *,
    wrong: Mapping[str, str] = _NOTHING,
    given: Mapping[str, str] = _NOTHING,
    said: str = "",
) -> Element:
    """One page of the whole request. The last one asks for what an approval needs, and can be answered."""
    why_not = _why_not(card)
    found = pages(card) if not too_long(card) else [[]]
    if not why_not and found[-1] and size(_asked(card, Earlier())) > SPACE - size(found[-1]):
        found.append([])
    page = min(max(page, 0), len(found) - 1)
    body, turns = turned(card, token, found, page)
    body = [*above(said), *body]
    if page < len(found) - 1:
        return adaptive([*body, *actions([*turns, _close(token)])])
    give = [] if why_not else [_give("Approve", token, APPROVE, page, style="" if card.high_risk else "positive")]
    closing = [
        *(paragraph(fitted(sentence, SENTENCE_BYTES)) for sentence in [*by_admins(card), *why_not]),
        *actions([*give, button(DENY, "Deny", token, style="destructive"), *turns, _close(token)]),
        *(actions(link("Open in the inbox", card.review_url)) if why_not else []),
    ]
    tries = [_asked(card, earlier) for earlier in (Earlier(given, wrong), Earlier(wrong=wrong), Earlier())]
    return adaptive([*body, *([] if why_not else _first_that_fits(tries, [*body, *closing])), *closing])


def turned(card: Card, token: str, found: Sequence[list[Element]], page: int) -> tuple[list[Element], list[Element]]:
    """What stands on this page of ``found`` under its heading, and the buttons that turn it."""
    where = f"page {page + 1} of {len(found)}" if len(found) > 1 else ""
    turns = [button(BACK, "Back", token, page=page - 1)] if page > 0 else []
    if page < len(found) - 1:
        turns.append(button(NEXT, "Next", token, style="positive", page=page + 1))
    return [*_opening(card, where), *found[page]], turns


def _why_not(card: Card) -> list[str]:
    """Why it cannot be approved here, if so, beside what `by_admins` says."""
    if too_long(card):
        return [TOO_LONG]
    if wants_files(card):
        return [FILES_IN_INBOX]
    if size(_asked(card, Earlier())) > SPACE:
        return [FORM_TOO_LONG]
    return [ONLY_DENIED] if card.paused else []


def _asked(card: Card, earlier: Earlier) -> list[Element]:
    asked = [
        element for number, field in enumerate(card.form) for element in inputs_of(f"{FORM}{number}", field, earlier)
    ]
    if card.reason == "always":
        asked += _reason(WHY_APPROVE, earlier)
    if card.confirm:
        wrong, begins = earlier.fault(TYPED), earlier.value(TYPED)
        asked += question("Text", TYPED, type_to_approve(card), required=True, wrong=wrong, **begins)
    return asked


def _first_that_fits(tries: Sequence[list[Element]], beside: Sequence[Element]) -> list[Element]:
    """The first of ``tries``, which ask the same with ever less of what was there before; a later one says so."""
    for number, asked in enumerate(tries):
        said = [paragraph(NOT_AGAIN)] if number else []
        if Room(beside).take(*said, *asked):
            return [*said, *asked]
    return list(tries[-1])


# --------------------------------------------------------------------------- denying


def denial(
    card: Card,
    token: str,
    *,
    wrong: Mapping[str, str] = _NOTHING,
    given: Mapping[str, str] = _NOTHING,
    said: str = "",
) -> Element:
    body = [*above(said), *_opening(card, ""), paragraph(shortened(headline(card), LONGEST_HEADLINE))]
    closing = actions([_give("Deny", token, DENY, 0, style="destructive"), _close(token)])
    tries = [_reason(WHY_DENY, earlier) for earlier in (Earlier(given, wrong), Earlier(wrong=wrong))]
    return adaptive([*body, *_first_that_fits(tries, [*body, *closing]), *closing])


# --------------------------------------------------------------------------- editing


def editing(
    card: Card,
    texts: Mapping[str, str],
    token: str,
    *,
    wrong: Mapping[str, str] = _NOTHING,
    given: Mapping[str, str] = _NOTHING,
    said: str = "",
) -> Element:
    """An input for each of ``texts`` (`sayso_bot.domain.editing.editable_texts`); what no input holds is said."""
    opening, earlier = [*above(said), *_opening(card, "")], Earlier(given, wrong)
    room = Room(opening, whole=SPACE)
    asked: list[Element] = []
    left: list[str] = []
    for number, (name, text) in enumerate(texts.items()):
        fits = number < MOST_EDITED and is_editable(name, text, LONGEST_EDITED) and room.holds(text)
        inputs = _editor(f"{EDITED}{number}", name, text, earlier) if fits else []
        if fits and room.take(*inputs):
            asked += inputs
        else:
            left.append(name)
    missing = [paragraph(fitted(only_in_the_inbox(left), SENTENCE_BYTES))] if left else []
    save = [_give("Save", token, EDIT, 0, style="positive")] if asked else []
    to = actions(link("Open in the inbox", card.review_url)) if left else []
    return adaptive([*opening, *asked, *missing, small(VOID_BY_EDIT), *actions([*save, _close(token)]), *to])


def _editor(name: str, param: str, text: str, earlier: Earlier) -> list[Element]:
    """Begins with the text as it is, or as it was edited before."""
    begins = {"value": earlier.given.get(name, text)}
    looks = {"isMultiline": wants_lines(text), "maxLength": LONGEST_EDITED, **begins}
    return question("Text", name, editor_name(param), required=False, wrong=earlier.fault(name), **looks)


def edited_texts(names: Sequence[str], edits: Mapping[str, str]) -> dict[str, str]:
    """What came back for each of ``names``; one that did not is left as it is."""
    found = {name: edits.get(f"{EDITED}{number}") for number, name in enumerate(names)}
    return {name: text for name, text in found.items() if text is not None}


# --------------------------------------------------------------------------- what became of it


def told(sentence: str, card: Card | None = None, token: str = "") -> Element:
    """A sentence to who tapped, above the card where there is one."""
    if card is not None:
        return message(card, token, said=sentence).content
    return adaptive(paragraphs(fitted(sentence, LONGEST_TOLD), word=COPIED_WORD))


def not_now(sentence: str, token: str) -> Element:
    """A sentence to whom nothing can be shown now, with a button by which to try again."""
    return adaptive([*paragraphs(sentence), *actions([_close(token)])])


# --------------------------------------------------------------------------- pieces


def _opening(card: Card, where: str) -> list[Element]:
    ids = f"{card.request_id} · revision {card.revision}"
    return [heading(card), small(f"{ids} · {where}" if where else ids)]


def _give(title: str, token: str, outcome: str, page: int, *, style: str) -> Element:
    return button(GIVE, title, token, style=style, inputs=True, outcome=outcome, page=page)


def _close(token: str) -> Element:
    return button(CLOSE, "Back to the card", token)


def _reason(label: str, earlier: Earlier) -> list[Element]:
    looks = {"isMultiline": True, "maxLength": MAX_REASON, **earlier.value(REASON)}
    return question("Text", REASON, label, required=True, wrong=earlier.fault(REASON), **looks)
