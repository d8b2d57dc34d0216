"""The promises that every request is held to, however people answer: each check is one, each sentence a failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from faults.campaign.evidence import Account, channel_in
from faults.campaign.ledger import SLACK, Ledger, Tap, Told
from faults.campaign.plan import LISTED
from sayso_bot.voting import already

SAME_CLOCK_SECONDS, SAME_MOMENT_SECONDS = 1.0, 0.01
WAKE_SECONDS = 5.0
"""The longest from a decision, or from the end of a fault, to the answer of a call that is held for it."""
LATE_EXPIRY_SECONDS = 5.0
NOWHERE = "slack:C0GONE"
MOVED_ON = "Asked in "
ENDINGS = {"approved": "votes", "denied": "votes", "expired": "timeout", "cancelled": "agent"}
Check: TypeAlias = Callable[[Account], Iterator[str]]


# --------------------------------------------------------------------------- nothing acknowledged is lost


def is_as_asked(account: Account) -> Iterator[str]:
    request, plan = account.request, account.case.plan
    if request.action != plan.action or (request.original_params or request.params) != plan.params:
        yield f"it is not what was asked: {request.action} {request.params}"
    edited = len(account.kinds("edited"))
    if request.params != (plan.edited if edited else plan.params) or request.revision != 1 + edited:
        yield f"it was edited {edited} times, and is at revision {request.revision} with {request.params}"
    names = {entry.data["name"] for entry in account.kinds("edited")}
    if any((tap.counted or tap.closed) and tap.name not in names for tap in account.case.edits):
        yield "an edit was acknowledged and is not in the journal"
    if not names <= {tap.name for tap in account.case.edits}:
        yield f"it was edited by somebody who did not: {names}"
    if len(account.kinds("submitted")) != 1:
        yield f"the journal has it {len(account.kinds('submitted'))} times as submitted"


def was_made_when_asked(account: Account) -> Iterator[str]:
    """The deadline is that of Redis's clock, whatever clock a replica has."""
    told, request = account.case.told, account.request
    if not told:
        return
    created = request.created_at.timestamp()
    if created < account.evidence.pumped_from and created > told[0].at + SAME_CLOCK_SECONDS:
        yield f"it was made {created - told[0].at:.1f} s after its agent was told of it"
    wanted = account.case.plan.timeout
    if wanted and request.expires_at and round(request.expires_at.timestamp() - created, 2) != wanted:
        yield f"its deadline is {request.expires_at.timestamp() - created} s after it was made, not {wanted} s"


def counted_taps_are_on_record(account: Account) -> Iterator[str]:
    votes = {(vote.name, vote.outcome) for vote in account.request.votes}
    for tap in account.case.taps:
        if (tap.counted or tap.closed) and (tap.name, tap.outcome) not in votes:
            yield f"{tap.name} was told that the tap counts ({tap.outcome}), and there is no such vote"


def _meanwhile(other: Tap, tap: Tap) -> bool:
    """Whether the same person had this tap under way with the other, or it is that: Slack's words name neither."""
    assert tap.answered_at is not None
    ended = other.answered_at is not None and other.answered_at < tap.at
    return other.user == tap.user and other.at <= tap.answered_at and not ended


def taps_were_recorded_before_the_answer(account: Account) -> Iterator[str]:
    """A tap is answered with 200 once it is a vote, is refused, or comes after the end."""
    decision = account.request.decision
    for tap in account.case.taps:
        if tap.answered_at is None or tap.answered_at >= account.evidence.pumped_from:
            continue
        if tap.status != 200 or not tap.admitted or account.kinds("edited"):
            continue
        if any(other.told_no for other in account.case.taps if _meanwhile(other, tap)):
            continue
        known = [vote.at for vote in account.request.votes if (vote.name, vote.outcome) == (tap.name, tap.outcome)]
        known += [decision.at] if decision else []
        by = tap.answered_at + SAME_MOMENT_SECONDS
        if not any(at.timestamp() <= by for at in known) and account.ledger.is_calm(tap.at, tap.answered_at, SLACK):
            yield f"{tap.name} was answered 200 before the tap was on the record"


# --------------------------------------------------------------------------- one decision


def is_decided_once(account: Account) -> Iterator[str]:
    settled = account.kinds("settled")
    if not account.request.settled:
        yield "it was never settled"
    elif len(settled) != 1:
        yield f"the journal has {len(settled)} decisions"
    elif settled[0].data["outcome"] != account.request.status:
        yield f"the journal has it {settled[0].data['outcome']}, the record {account.request.status}"


def everyone_was_told_the_same(account: Account) -> Iterator[str]:
    told = [answer for answer in account.case.told if answer.status != "pending"]
    decision = account.request.decision
    for answer in told:
        said = (answer.status, answer.body["decision"]["cause"], answer.settled_at)
        if decision and said != (decision.outcome, decision.cause, decision.at.timestamp()):
            yield f"an agent was told {said}, and the record has {decision.outcome} by {decision.cause}"
    if told:
        first = min(answer.at for answer in told)
        if any(answer.status == "pending" and answer.asked_at > first for answer in account.case.told):
            yield "an agent was told that it is pending after it had ended"


def votes_agree(account: Account) -> Iterator[str]:
    """One vote a person and revision, each in the journal once, and a decision that follows from them."""
    request = account.request
    persons = Counter((vote.person, vote.revision) for vote in request.votes)
    if persons and max(persons.values()) > 1:
        yield "a person's vote counts twice"
    journaled = Counter((entry.data["name"], entry.data["outcome"]) for entry in account.kinds("voted"))
    if journaled != Counter((vote.name, vote.outcome) for vote in request.votes):
        yield f"the journal's votes are not the record's: {dict(journaled)}"


# --------------------------------------------------------------------------- no approval that no person gave


def votes_were_given(account: Account) -> Iterator[str]:
    taps = account.case.taps
    for vote in account.request.votes:
        given = (vote.name, vote.outcome, vote.revision)
        its = [tap for tap in taps if (tap.name, tap.outcome, tap.revision) == given and tap.admitted]
        if not its:
            yield f"a vote of {vote.name} ({vote.outcome}) on revision {vote.revision} that nobody admitted gave"
        elif all(tap.refused and already(vote.outcome) not in tap.told[-1] for tap in its):
            yield f"{vote.name} was told that the tap does not count ({its[-1].told[-1]}), and it did"


def ended_for_its_cause(account: Account) -> Iterator[str]:
    """Approved, denied, expired and cancelled are told apart, and each has what it needs."""
    request, case, decision = account.request, account.case, account.request.decision
    if decision is None:
        return
    now = [vote.outcome for vote in request.votes if vote.revision == request.revision]
    need = request.requirement.quorum if request.requirement else 0
    wanted = "policy" if account.by_policy else ENDINGS[request.status]
    if decision.cause != wanted:
        yield f"it is {request.status} by {decision.cause}, which should be {wanted}"
    if request.status == "approved" and not account.by_policy and (now.count("approve") < need or "deny" in now):
        yield f"it is approved with the votes {now} where {need} approvals are needed"
    if request.status == "denied" and not account.by_policy and "deny" not in now:
        yield "it is denied, and nobody denied it"
    if request.status == "cancelled" and case.cancel_asked_at is None:
        yield "it is cancelled, and its agent did not ask for that"
    if request.status in ("expired", "cancelled") and ("deny" in now or (need and now.count("approve") >= need)):
        yield f"it is {request.status} although its votes had decided it"


def expired_in_time(account: Account) -> Iterator[str]:
    """Not before the deadline; after it only for as long as nobody could reach Redis."""
    request, decision = account.request, account.request.decision
    if decision is None or request.expires_at is None:
        return
    deadline, at = request.expires_at.timestamp(), account.settled_at
    if request.status == "expired" and at < deadline:
        yield f"it expired {deadline - at:.2f} s before its deadline"
    if deadline < at < account.evidence.pumped_from:
        quiet = account.ledger.quiet_seconds(deadline, at)
        if request.status != "expired" or quiet > LATE_EXPIRY_SECONDS:
            yield f"it was {request.status} {at - deadline:.1f} s after its deadline"


# --------------------------------------------------------------------------- nobody is left waiting


def held_calls_were_woken(account: Account) -> Iterator[str]:
    if account.request.decision is None or account.settled_at >= account.evidence.pumped_from:
        return
    for answer in account.case.told:
        if answer.held and answer.status != "pending":
            late = wake_seconds(account.ledger, answer)
            if late > WAKE_SECONDS:
                yield f"a held call at {answer.replica} was answered {late:.1f} s after it could have been"


def wake_seconds(ledger: Ledger, answer: Told) -> float:
    """From the decision to the answer, without the time for which faults were at work."""
    assert answer.settled_at is not None
    return ledger.quiet_seconds(max(answer.settled_at, answer.asked_at), answer.at)


# --------------------------------------------------------------------------- cards


def was_posted_once(account: Account) -> Iterator[str]:
    """At each place where it was asked; at no other."""
    post, listed = account.evidence.posts.get(account.request.id, {}), account.case.plan.family == LISTED
    posted = Counter(card.channel for card in account.cards)
    firsts = Counter(channel_in(entry.data["place"]) for entry in account.kinds("posted"))
    first, cards = firsts.total(), posted.total()
    for channel, times in posted.items():
        if times > (0 if listed else 1 + account.late):
            yield f"it was posted {times} times in {channel}"
    if first > 1 if listed else firsts != Counter(dict.fromkeys(posted, 1)):
        yield f"cards were posted in {dict(posted)}, and the journal has the first posts {dict(firsts)}"
    if len(account.kinds("posted_twice")) != max(cards - len(posted), 0):
        yield f"{cards} cards were posted, and the journal has {len(account.kinds('posted_twice'))} doubles"
    if post and post.get("wanted") != post.get("posted") and account.request.place != NOWHERE:
        yield f"its card is not up to date: {post}"
    if first == 0 and account.request.votes:
        yield "somebody voted on a card that was never posted"


def cards_show_the_end(account: Account) -> Iterator[str]:
    words = {
        "approved": "Approved by ",
        "denied": "Denied by ",
        "expired": "Expired: ",
        "cancelled": "Cancelled by the agent",
    }
    for card in account.cards:
        if card.button("approve") or card.button("deny"):
            yield f"card {card.ts} still has buttons"
        elif card.channel != account.places[-1] and MOVED_ON in card.words:
            continue
        elif account.request.settled and words[account.request.status] not in card.words:
            yield f"card {card.ts} does not say that it is {account.request.status}"


def undeliverable_is_on_record(account: Account) -> Iterator[str]:
    if account.case.plan.family != "gone" or account.request.decision is None:
        return
    calm = account.ledger.is_calm(account.request.created_at.timestamp(), account.settled_at)
    if calm and not account.kinds("undeliverable"):
        yield "nobody could be asked, and the journal does not say so"


def people_have_no_complaint(account: Account) -> Iterator[str]:
    yield from account.case.complaints


CHECKS: Sequence[Check] = (
    is_as_asked,
    people_have_no_complaint,
    was_made_when_asked,
    counted_taps_are_on_record,
    taps_were_recorded_before_the_answer,
    is_decided_once,
    everyone_was_told_the_same,
    votes_agree,
    votes_were_given,
    ended_for_its_cause,
    expired_in_time,
    held_calls_were_woken,
    was_posted_once,
    cards_show_the_end,
    undeliverable_is_on_record,
)
