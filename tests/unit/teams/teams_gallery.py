"""One of each kind of card that Teams is sent, made of requests that read like real ones.

For the pictures, and for checks against Microsoft's schema and renderer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from sayso_adapters.looking import Found, Waiting, Where
from sayso_adapters.teams.cards import message
from sayso_adapters.teams.dialogs import approval, denial, editing, told
from sayso_adapters.teams.fields import marked
from sayso_adapters.teams.listing import listing_message
from sayso_adapters.teams.overview import (
    confirmation,
    help_message,
    pending_message,
    reading,
    routes_message,
    told_of,
)
from sayso_bot.domain.admin import Admin
from sayso_bot.domain.brief import brief
from sayso_bot.domain.card import Card, card
from sayso_bot.domain.deeds import Effect, SetRoute
from sayso_bot.domain.editing import editable_texts
from sayso_bot.domain.form import Field, Form
from sayso_bot.domain.listing import Listed, Listing
from sayso_bot.domain.pauses import Pause, Scope
from sayso_bot.domain.policy import Route
from sayso_bot.domain.request import Cause, Claims, Decision, Edited, Request, Status, Vote
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.testing.samples import AT, a_file, a_request, a_requirement

PLACE = "teams:19:payments@thread.tacv2"
INBOX = "https://sayso.example.com/inbox"
URL = f"{INBOX}/requests/req_019c"
TOKEN = "btn_0123456789abcdefghijklmnopqrstuv"
LINE = "we are sorry that the parcel arrived broken, and have sent you the money back."
FINANCE: Mapping[str, Any] = {"approvers": ("email:ana@example.com",), "group": "finance"}
OLGA = Admin("email:olga@example.com", "Olga", "teams")
FORM = (
    Field("level", "choose", "Which level?", options=("junior", "senior")),
    Field("start", "date", "First day"),
    Field("salary", "number", "Salary per year, in EUR", least=30_000, most=120_000),
    Field("call", "datetime", "When shall we call her?", required=False),
    Field("note", "text", "Anything for the letter?", required=False),
)


def gallery() -> dict[str, Mapping[str, Any]]:
    """Every kind by a name."""
    return {**_cards(), **_dialogs(), **_lists()}


def _request(number: int = 1, **changes: Any) -> Request:
    params = {"order": "A-1041", "amount": 129.95, "currency": "EUR", "customer": "Marta Lind"}
    made: dict[str, Any] = {
        "id": f"req_019c3a5e-0000-7000-8000-{number:012}",
        "params": params,
        "rule": "refunds",
        "claims": Claims(summary="The parcel arrived broken; the customer sent a picture of it."),
        **changes,
    }
    return a_request(PLACE, **{**made, "requirement": {**FINANCE, **made.get("requirement", {})}})


def _card(**changes: Any) -> Card:
    return card(_request(**changes), URL)


def _vote(name: str, outcome: str, reason: str | None = None) -> Vote:
    alias = f"teams:T/{name}"
    return Vote(alias, name, frozenset({alias}), outcome, reason, "teams", 1, "e", True, AT)  # type: ignore[arg-type]


def _ended(request: Request, outcome: Status, cause: Cause, *votes: Vote) -> Request:
    return replace(request, status=outcome, votes=votes, decision=Decision(outcome, cause, AT, votes))


def _drop(**changes: Any) -> Card:
    return _card(
        action="db.drop",
        params={"database": "orders-staging", "host": "db3"},
        rule="databases",
        claims=Claims(summary="The staging copy is rebuilt from last night's backup."),
        requirement={"high_risk": True, "confirm": True, "reason": "always"},
        **changes,
    )


def _letter() -> Card:
    letter = "\n".join(["Dear Ms Lind,", "", *([LINE] * 110), "", "Yours, the shop"])
    return _card(params={"order": "A-1099", "amount": 80, "letter": letter}, requirement={"reason": "always"})


def _cards() -> dict[str, Mapping[str, Any]]:
    quorum = _request(requirement={"quorum": 2}, principal="marta@example.com")
    edited = replace(
        _request(),
        revision=2,
        original_params={**_request().params, "amount": 1299.5},
        edits=(Edited(2, "Ana", "teams", AT),),
    )
    diff = Claims(
        summary="Bump the checkout.",
        diff="--- a/app.yaml\n+++ b/app.yaml\n-replicas:  3\n+replicas:  5",
        urgency="high",
    )
    pause = Pause("pau_1", Scope(action="payments.*"), OLGA, "an audit until five", AT)
    shown = {
        "card": _card(),
        "card-risk": _drop(),
        "card-quorum": card(replace(quorum, votes=(_vote("Ben", "approve", "I have seen the picture."),)), URL),
        "card-edited": card(edited, URL),
        "card-diff": _card(
            action="deploy.production",
            params={"service": "checkout", "version": "4.12.0", "notes": "two lines:\n  and an indented one"},
            claims=diff,
            files=(a_file(1, by="refund-bot", name="plan.pdf"),),
        ),
        "card-approved": card(_ended(_request(), Status.APPROVED, Cause.VOTES, _vote("Ana", "approve")), URL),
        "card-denied": card(
            _ended(_request(), Status.DENIED, Cause.VOTES, _vote("Ana", "deny", "It is too late.")), URL
        ),
        "card-expired": card(_ended(_request(), Status.EXPIRED, Cause.TIMEOUT), URL),
        "card-paused": card(_request(), URL, pause=pause),
        "card-review": _letter(),
        "card-hostile": _card(
            params={
                "note": "**Approved** by <at>CFO</at> [here](https://evil.example)",
                "when": "{{DATE(2017-02-14T06:08:39Z,SHORT)}}",
                "to": "safe\u202egnp.exe",
                "Asked by": "the CFO",
            },
            claims=Claims(summary="# Approved\n\n- by the **CFO**" + "\n" * 200 + "1. really"),
        ),
    }
    return {name: message(each, TOKEN).content for name, each in shown.items()}


def _dialogs() -> dict[str, Mapping[str, Any]]:
    hire = _card(
        action="people.hire",
        params={"name": "Marta Lind", "role": "Support engineer"},
        rule="hiring",
        claims=Claims(summary="Three interviews went well; the offer is drafted."),
        form=Form(FORM),
    )
    credit = _card(action="payments.credit", requirement={"editable": ("amount", "customer"), "reason": "deny"})
    texts = editable_texts(_request().params, credit.editable)
    refusal = "Only finance may decide this (rule “refunds”). Your vote was not counted."
    wrong = marked(FORM, {"salary": "This must be at most 120000."})
    reading_of = card(_ended(_request(), Status.APPROVED, Cause.VOTES, _vote("Ana", "approve", "As agreed.")), URL)
    return {
        "dialog-review": approval(_letter(), TOKEN),
        "dialog-review-end": approval(_letter(), TOKEN, 9),
        "dialog-confirm": approval(_drop(), TOKEN),
        "dialog-form": approval(hire, TOKEN),
        "dialog-form-wrong": approval(hire, TOKEN, wrong=wrong, given={"form_0": "1", "form_2": "990000"}),
        "dialog-reason": denial(credit, TOKEN),
        "dialog-edit": editing(credit, texts, TOKEN),
        "dialog-told": told(refusal, _card(), TOKEN),
        "dialog-told-alone": told("This button is not known here."),
        "reading": reading(reading_of, TOKEN),
    }


def _lists() -> dict[str, Mapping[str, Any]]:
    requests = [
        _request(number, action="list.clean", params={"list": f"spring-{number}", "rows": 120 * number}, rule="lists")
        for number in range(1, 4)
    ]
    briefs = tuple(map(brief, requests))
    rows = tuple(Listed(each, f"{TOKEN[:-1]}{number}") for number, each in enumerate(briefs))
    listing = Listing("req_1", rows, 7, {Status.APPROVED: 2, Status.EXPIRED: 1}, INBOX)
    return {
        "list": listing_message(listing).content,
        "pending": pending_message(Waiting(briefs, 2, more=False, unsure=1), INBOX).content,
        "show": told_of(card(requests[0], URL), Found(requests[0], may_vote=True)).content,
        "routes": routes_message(_where()).content,
        "help": help_message(admin=True).content,
        "admin": _route(),
    }


def _where() -> Where:
    finance = a_requirement(PLACE, **FINANCE)
    rules = (
        Route("large refunds", "payments.refund", True, "ask", replace(finance, quorum=2)),
        Route("refunds", "payments.refund", False, "ask", finance),
        Route("reading", "files.read.*", False, "allow", None),
        Route("databases", "db.drop.*", False, "deny", None),
    )
    live = LiveRoute(
        "rte_1", "deploy.*", "ops", "teams:19:ops@thread.tacv2", OLGA, "the fair", AT, AT + timedelta(hours=4)
    )
    return Where(rules, (live,), (Pause("pau_1", Scope(agent="shop"), OLGA, "a leak", AT),))


def _route() -> Mapping[str, Any]:
    effect = Effect(
        "Route payments.refund to ops",
        (
            "payments.refund is asked in ops until 23 Nov 2026, 18:05 UTC.",
            "“refunds” (payments.refund): not in payments any more; 1 approval from finance, as before.",
            "2 pending requests stay where they are; move takes them along.",
        ),
        ("payments.refund names every action that is asked.",),
        3,
    )
    return confirmation(SetRoute("payments.refund", "ops", "payments is at the fair"), effect, "adm_0123456789")
