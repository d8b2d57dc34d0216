"""What a rule demands of one person's answer: a reason, a typed confirmation, a form filled in."""

from __future__ import annotations

from collections.abc import Mapping

from sayso_bot.domain.form import Answers, Form, FormInvalid, checked, counted
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Outcome, Request
from sayso_bot.domain.text import says_something
from sayso_bot.errors import ConfirmationRequired, ReasonRequired, ResponseInvalid

MAX_REASON = 2000
_NOT_COUNTED = "Your vote was not counted."


def check_reason(request: Request, outcome: Outcome, reason: str | None) -> None:
    """Raise `ReasonRequired` where the rule wants a reason and none is given, or it is longer than `MAX_REASON`."""
    wants = request.requirement.reason if request.requirement else "never"
    if (wants == "always" or (wants == "deny" and outcome == "deny")) and not says_something(reason or ""):
        raise ReasonRequired(f"The rule wants a reason to {outcome}. {_NOT_COUNTED}", field="reason")
    if reason and len(reason) > MAX_REASON:
        raise ReasonRequired(f"A reason has at most {MAX_REASON} characters. {_NOT_COUNTED}", field="reason")


def check_typed(request: Request, outcome: Outcome, typed: str | None) -> None:
    """Raise `ConfirmationRequired` where the rule wants an approver to type the action's name, and they have not."""
    wanted = request.requirement is not None and request.requirement.confirm and outcome == "approve"
    if wanted and (typed or "").strip() != request.action:
        raise ConfirmationRequired(f"To approve, type {request.action} exactly. {_NOT_COUNTED}", field="typed")


def check_but_files(request: Request, given: Answers, files: Mapping[str, int]) -> None:
    """Raise `ResponseInvalid` for what of an approval can be judged before its files are there.

    ``files`` counts them by field.
    """
    fields = request.form.fields if request.form else ()
    others = Form(tuple(field for field in fields if field.kind != "files"))
    wrong: dict[str, str] = {}
    try:
        checked(others, {field.name: given.get(field.name) for field in others.fields})
    except FormInvalid as error:
        wrong.update(error.errors)
    for field in fields:
        if field.kind == "files" and field.required and not files.get(field.name):
            wrong[field.name] = "This is needed."
        if field.kind == "files" and files.get(field.name, 0) > field.most_files:
            wrong[field.name] = f"This takes at most {counted(field.most_files)}."
    if wrong:
        raise _not_filled_in(wrong)


def response(request: Request, outcome: Outcome, given: Answers | None, person: Person) -> Answers | None:
    """What the agent is given of the form: the checked answers of ``person`` with an approval, nothing otherwise.

    Files count where this same person has put them into this request. Raises `ResponseInvalid`.
    """
    if request.form is None or outcome == "deny":
        return None
    try:
        return checked(request.form, given or {}, [file for file in request.files if file.by == person.id])
    except FormInvalid as error:
        raise _not_filled_in(error.errors) from None


def _not_filled_in(fields: Mapping[str, str]) -> ResponseInvalid:
    return ResponseInvalid("The form is not filled in as it must be.", then=_NOT_COUNTED, fields=fields)
