"""The campaign of `make faults` in its short form: the same code, fewer requests, Redis's time put forward at the end.

That it can fail is shown too: a ledger that was told anything else than what happened does not balance.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias, cast

import pytest
import pytest_asyncio
from msgspec import structs
from rich.console import Console

from fakes.slack_workspace import Message
from faults.campaign import people
from faults.campaign.admin_checks import of_admins
from faults.campaign.admin_deeds import ADMIN_LANES
from faults.campaign.balance import balance
from faults.campaign.campaign import CLOCKS, WHOLE_REQUESTS, Campaign, Outcome, Scale
from faults.campaign.deeds import PAUSED, POLICY, REVOKED, Kind
from faults.campaign.evidence import DELIVERY, Account, Entry, Evidence, story
from faults.campaign.faults import LANES
from faults.campaign.hands import NOT_NOW
from faults.campaign.ledger import Case, Ledger, Refusal, Span, Tap
from faults.campaign.plan import BACK, CLOSING
from faults.campaign.platform import channel_of
from faults.campaign.report import Bar, line, progress, show
from faults.campaign.slack_checks import moved_once_and_for_cause

REPOSITORY = Path(__file__).resolve().parents[2]
REQUESTS, RATE = 100, 10.0
pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]
Tamper: TypeAlias = Callable[[Case, Evidence, str], Evidence]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def campaign(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    clock = await asyncio.create_subprocess_exec(REPOSITORY / ".ci" / "faketime", cwd=REPOSITORY)
    assert await clock.wait() == 0
    scale = Scale(REQUESTS, secrets.token_hex(4), RATE, long=False)
    with progress(Console(quiet=True)) as shown:
        outcome = await Campaign(scale, tmp_path_factory.mktemp("campaign"), Bar(shown)).run()
    print(f"seed {scale.seed}")
    show(outcome, Console(width=160))
    print(line(outcome))
    return outcome


def test_under_every_fault_the_ledger_balances(campaign: Outcome) -> None:
    told = [f"{failure.case.number} ({failure.case.plan.action}): {failure.what}" for failure, _ in campaign.failures]
    assert campaign.holds, "\n".join([line(campaign), *told, *map(str, campaign.ledger.complaints)])


def test_each_lane_of_faults_took_hold(campaign: Outcome) -> None:
    names = set(campaign.ledger.faults)
    assert campaign.ledger.kills["service"] >= 2
    assert CLOCKS in names
    assert [title for title, those in LANES.items() if title not in ADMIN_LANES and not names & those.keys()] == []
    assert any(name.startswith("Redis's answer") for name in names)
    assert any(name.startswith("Slack") for name in names)


def test_a_whole_run_that_has_not_seen_to_each_fault_does_not_hold(campaign: Outcome) -> None:
    kept, whole = Ledger(), replace(campaign.scale, requests=WHOLE_REQUESTS, long=True)
    untried = Outcome(kept, whole).untried
    assert {"Slack hangs for 30 s", "kill -9 after a vote", "kill -9 of Redis, embedded", CLOCKS} <= set(untried)
    assert not Outcome(kept, whole).holds
    assert line(Outcome(kept, whole)).endswith(f"never seen to take hold: {', '.join(untried)}.")
    kept.spans += [Span(name, "kills", 0.0, 1.0) for name in untried]
    assert Outcome(kept, whole).holds
    assert line(Outcome(kept, whole)).endswith("nobody waiting, 0 late doubles.")


async def test_what_a_campaign_that_broke_off_has_seen_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stuck(_: Campaign) -> None:
        raise TimeoutError("one did not come back")

    monkeypatch.setattr(Campaign, "_shared", stuck)
    with progress(Console(quiet=True)) as shown:
        outcome = await Campaign(Scale(10, "seed", RATE, long=False), tmp_path, Bar(shown)).run()
    assert not outcome.holds
    assert "then it broke off (TimeoutError: one did not come back): 0 things do not agree." in line(outcome)


def test_admins_changed_everything_meanwhile_by_the_api_and_from_slack(campaign: Outcome) -> None:
    done = {(deed.kind, deed.way) for deed in campaign.ledger.deeds.all if deed.known_at is not None}
    kinds = {kind for kind, _ in done}
    assert {"pause", "resume", "route", "undo", "activate", "rollback"} <= kinds
    assert kinds & {"rotate", "revoke"}
    assert {("route", "api"), ("undo", "api"), ("route", "slack"), ("undo", "slack")} <= done


def test_the_story_of_a_request_tells_all_that_was_seen_of_it_in_order_of_time(campaign: Outcome) -> None:
    evidence = campaign.evidence[0]
    case = next(case for case in campaign.ledger.cases.values() if _is_plain(case, evidence))
    events = story(campaign.ledger, evidence, case)
    assert {"agent", "Person", "slack", "redis", "journal"} <= {event.who.split()[0] for event in events}
    assert [event.at for event in events] == sorted(event.at for event in events)


# --------------------------------------------------------------------------- what does not balance


def _record_is_gone(_: Case, evidence: Evidence, request: str) -> Evidence:
    return replace(evidence, records={name: found for name, found in evidence.records.items() if name != request})


def _made_twice(case: Case, evidence: Evidence, _: str) -> Evidence:
    case.ids.add("req_another")
    return evidence


def _decided_twice(_: Case, evidence: Evidence, request: str) -> Evidence:
    entries = [*evidence.journal[request], *(each for each in evidence.journal[request] if each.kind == "settled")]
    return replace(evidence, journal={**evidence.journal, request: entries})


def _told_otherwise(case: Case, evidence: Evidence, _: str) -> Evidence:
    told = next(told for told in case.told if told.status == "approved")
    told.body["status"] = "denied"
    return evidence


def _told_pending_afterwards(case: Case, evidence: Evidence, _: str) -> Evidence:
    last = case.told[-1]
    case.told.append(replace(last, asked_at=last.at + 1, at=last.at + 2, body={**last.body, "status": "pending"}))
    return evidence


def _nobody_tapped(case: Case, evidence: Evidence, _: str) -> Evidence:
    case.taps.clear()
    return evidence


def _refused_and_counted(case: Case, evidence: Evidence, _: str) -> Evidence:
    for tap in case.taps:
        tap.told[:] = ["You are not an approver of this request."]
    return evidence


def _answered_too_soon(case: Case, evidence: Evidence, _: str) -> Evidence:
    for tap in case.taps:
        tap.at, tap.answered_at = tap.at - 60, (tap.answered_at or tap.at) - 60
    return evidence


def _vote_is_gone(_: Case, evidence: Evidence, request: str) -> Evidence:
    without = structs.replace(evidence.records[request], votes=())
    return replace(evidence, records={**evidence.records, request: without})


def _posted_twice(_: Case, evidence: Evidence, request: str) -> Evidence:
    return replace(evidence, cards={**evidence.cards, request: [*evidence.cards[request]] * 2})


def _still_has_buttons(_: Case, evidence: Evidence, request: str) -> Evidence:
    buttons = {"type": "actions", "elements": [{"action_id": "approve", "value": "btn_x"}]}
    card = evidence.cards[request][0]
    return replace(evidence, cards={**evidence.cards, request: [replace(card, blocks=[*card.blocks, buttons])]})


def _told_twice(_: Case, evidence: Evidence, request: str) -> Evidence:
    return replace(evidence, entries={**evidence.entries, request: Counter(decided=2)})


def _never_told(_: Case, evidence: Evidence, request: str) -> Evidence:
    return replace(evidence, entries={})


def _woken_late(case: Case, evidence: Evidence, _: str) -> Evidence:
    case.told[:] = [replace(told, held=True, at=told.at + 3600) for told in case.told]
    return evidence


def _left_waiting(case: Case, evidence: Evidence, _: str) -> Evidence:
    case.done = False
    return evidence


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (_record_is_gone, "is not on the record"),
        (_made_twice, "made 2 requests"),
        (_decided_twice, "the journal has 2 decisions"),
        (_told_otherwise, "an agent was told"),
        (_told_pending_afterwards, "pending after it had ended"),
        (_nobody_tapped, "that nobody admitted gave"),
        (_refused_and_counted, "was told that the tap does not count"),
        (_answered_too_soon, "was answered 200 before the tap was on the record"),
        (_vote_is_gone, "there is no such vote"),
        (_posted_twice, "it was posted 2 times"),
        (_still_has_buttons, "still has buttons"),
        (_told_twice, "decided was told 2 times"),
        (_never_told, "nobody told in the thread how it ended"),
        (_woken_late, "a held call"),
        (_left_waiting, "its agent is still waiting"),
    ],
)
def test_a_ledger_that_was_told_otherwise_does_not_balance(campaign: Outcome, tamper: Tamper, sentence: str) -> None:
    evidence = campaign.evidence[0]
    case = deepcopy(next(case for case in campaign.ledger.cases.values() if _is_plain(case, evidence)))
    [request] = case.ids
    ledger = Ledger()
    ledger.cases[case.number] = case
    failures = balance(ledger, tamper(case, evidence, request))
    assert any(sentence in failure.what for failure in failures), failures


@pytest.mark.parametrize(
    ("ts", "was_known", "is_borne"), [("1.0", False, True), ("1.0", True, False), ("3.0", False, False)]
)
def test_a_card_is_left_behind_only_where_nobody_knew_of_it_when_its_request_went_to_the_fallback(
    campaign: Outcome, ts: str, was_known: bool, is_borne: bool
) -> None:
    evidence = campaign.evidence[0]
    case = deepcopy(next(case for case in campaign.ledger.cases.values() if _is_plain(case, evidence)))
    [request] = case.ids
    case.plan = replace(case.plan, family="back")
    fallen = [Entry(2.0, "undeliverable", {}), Entry(2.1, "moved", {"by": DELIVERY})]
    journal = [*([Entry(1.0, "posted", {"post": ts})] if was_known else []), *fallen]
    card = evidence.cards[request][0]
    cards = [replace(card, channel=channel_of(CLOSING), ts=ts), replace(card, channel=channel_of(BACK), ts="2.0")]
    account = Account(case, evidence, campaign.ledger, evidence.records[request], journal, cards, Counter())
    assert ("its card stands in" not in "".join(moved_once_and_for_cause(account))) is is_borne


# --------------------------------------------------------------------------- what admins did, told otherwise


def _always(ledger: Ledger, case: Case, kind: Kind, subject: str, value: str) -> None:
    """A deed from before everything, whose admin knows that it is done."""
    deed = ledger.deeds.begin(case.world, kind, "api", subject, value)
    deed.asked_at, deed.known_at = 0.0, 1.0


def _paused_throughout(ledger: Ledger, case: Case, _: Evidence, __: str) -> None:
    _always(ledger, case, "pause", "pause everything", PAUSED)


def _routed_elsewhere(ledger: Ledger, case: Case, _: Evidence, __: str) -> None:
    _always(ledger, case, "route", f"route {case.plan.family}.*", "C0ELSEWHERE")


def _another_policy(ledger: Ledger, case: Case, _: Evidence, __: str) -> None:
    _always(ledger, case, "activate", POLICY, "another")


def _its_key_was_revoked(ledger: Ledger, case: Case, _: Evidence, __: str) -> None:
    _always(ledger, case, "revoke", f"key {case.told[-1].key}", REVOKED)


def _refused_as_paused(_: Ledger, case: Case, __: Evidence, ___: str) -> None:
    case.refused.append(Refusal(2.0, 3.0, 423, "paused", case.told[-1].key))


def _moved_by_nobody(_: Ledger, case: Case, evidence: Evidence, request: str) -> None:
    data = {"from": evidence.records[request].place, "to": "slack:C0OPS", "why": "", "by": {"name": "nobody"}}
    cast(dict[str, Any], evidence.journal)[request] = [*evidence.journal[request], Entry(1.0, "moved", data)]


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (_paused_throughout, "while everything was paused"),
        (_refused_as_paused, "told that it is paused, and nothing was"),
        (_routed_elsewhere, "where C0ELSEWHERE was in force"),
        (_moved_by_nobody, "nobody moved it there"),
        (_another_policy, "where the another was in force"),
        (_its_key_was_revoked, "which was revoked"),
    ],
)
def test_deeds_that_were_not_kept_do_not_balance(
    campaign: Outcome, tamper: Callable[[Ledger, Case, Evidence, str], None], sentence: str
) -> None:
    kept = campaign.evidence[0]
    case = deepcopy(next(case for case in campaign.ledger.cases.values() if _is_plain(case, kept)))
    [request] = case.ids
    ledger, evidence = Ledger(), replace(kept, journal=dict(kept.journal))
    ledger.cases[case.number] = case
    tamper(ledger, case, evidence, request)
    failures = balance(ledger, evidence)
    assert any(sentence in failure.what for failure in failures), failures


def test_an_end_by_a_time_that_was_put_forward_is_not_held_against_a_key_that_was_revoked_later(
    campaign: Outcome,
) -> None:
    kept = campaign.evidence[0]
    case = deepcopy(next(case for case in campaign.ledger.cases.values() if _is_plain(case, kept)))
    told, ledger = case.told[-1], Ledger()
    assert told.settled_at is not None
    evidence = replace(kept, pumped_from=told.settled_at - 1)
    told.body["decision"]["at"] = datetime.fromtimestamp(told.at + 600, UTC).isoformat()
    ledger.cases[case.number] = case
    deed = ledger.deeds.begin(case.world, "revoke", "api", f"key {told.key}", REVOKED)
    deed.asked_at, deed.known_at = told.at, told.at + 1
    assert not [failure.what for failure in balance(ledger, evidence) if "revoked" in failure.what]
    true_time = replace(kept, pumped_from=float("inf"))
    [failure] = [failure for failure in balance(ledger, true_time) if "revoked" in failure.what]
    assert failure.what.startswith("its agent was told how it ended")


def test_the_record_has_each_deed_once_and_none_that_nobody_did(campaign: Outcome) -> None:
    evidence, ledger = campaign.evidence[0], Ledger()
    assert any("which no admin did" in what for what in of_admins(ledger, evidence))
    case = next(iter(campaign.ledger.cases.values()))
    _always(ledger, case, "pause", "pause everything", PAUSED)
    _always(ledger, case, "activate", POLICY, "second")
    said = of_admins(ledger, replace(evidence, journal={}, words_at={}))
    assert any("is done, as its admin knows, and the journal has it 0 times" in what for what in said), said
    assert any("pause everything was not announced" in what for what in said), said
    assert any("activate policy was not announced" in what for what in said), said


async def test_whose_card_is_paused_meanwhile_does_not_take_it_for_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "TOLD_SECONDS", 0.2)
    tap = Tap(0.0, "U0ANA", "Ana", "approve", "1.0", "", admitted=True)
    paused = [{"type": "section", "text": {"type": "mrkdwn", "text": f"*Paused by Olga.* {NOT_NOW}"}}]
    assert not await people.knows(tap, Message("C0ONE", "1.0", "", paused, None))
    assert await people.knows(tap, Message("C0ONE", "1.0", "", [], None))


def _is_plain(case: Case, evidence: Evidence) -> bool:
    """Approved by one person on one card, while nothing was wrong, and told so."""
    ended = bool(case.told) and case.told[-1].status == "approved" and any(tap.counted for tap in case.taps)
    return case.world == evidence.world and case.plan.people == "approve" and len(case.taps) == 1 and ended
