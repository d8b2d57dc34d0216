"""What holds for dialogs, lists, fallbacks, stories and pace: for each request, and for the workspace as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from faults.campaign.checks import Check
from faults.campaign.evidence import Account, Evidence
from faults.campaign.ledger import DEEDS, Given, Json, Ledger
from faults.campaign.plan import BACK, CLOSING, LISTED
from faults.campaign.platform import channel_of, named, rows

TOLD_SECONDS = 60.0
AGENTS = 8
"""The first of so many has a key that is bound to somebody."""
UNSEEN = ("Nobody was shown a card: ", "It is not known whether a card was shown: ")
LATE_SECONDS = 0.3
PACED_SECONDS, WINDOW_SECONDS, MOST_IN_WINDOW = 30.0, 5.0, 8
NOTHING = Given()


# --------------------------------------------------------------------------- nothing that no person gave


def what_was_given_is_what_counts(account: Account) -> Iterator[str]:
    """Reason and answers of each vote are those of a dialog that its voter has sent for that revision."""
    for vote in account.request.votes:
        its = [
            tap.given or NOTHING
            for tap in account.case.taps
            if (tap.name, tap.outcome, tap.revision) == (vote.name, vote.outcome, vote.revision)
        ]
        if its and not any((given.reason, given.response) == (vote.reason, vote.response) for given in its):
            yield f"the vote of {vote.name} has what {vote.name} did not give: {vote.reason}, {vote.response}"
        family = account.case.plan.family
        if family == "why" and not vote.reason:
            yield f"the vote of {vote.name} has no reason, and the rule wants one"
        if family == "type" and vote.outcome == "approve" and all(given.typed is None for given in its):
            yield f"{vote.name} approved without typing the action"
        if family == "form" and vote.outcome == "approve" and not vote.response:
            yield f"{vote.name} approved without filling in the form"


def agents_are_told_what_was_given(account: Account) -> Iterator[str]:
    """The reasons, answers and params of the decision, in every answer that an agent got."""
    request = account.request
    if request.decision is None:
        return
    deciding = [vote for vote in request.votes if vote.revision == request.revision]
    reasons = Counter((vote.name, vote.reason) for vote in deciding)
    responses = [vote.response for vote in deciding if vote.response is not None]
    for told in account.case.told:
        decision: Json | None = told.body["decision"]
        if decision is None:
            continue
        if Counter((vote["name"], vote["reason"]) for vote in decision["votes"]) != reasons:
            yield f"an agent was told other reasons than were given: {decision['votes']}"
        if decision.get("response") is not None and decision["response"] not in responses:
            yield f"an agent was told answers that nobody gave: {decision['response']}"
        if responses and request.status == "approved" and decision.get("response") is None:
            yield "an agent was not told what was filled in"
        if told.body["params"] != request.params:
            yield f"an agent was told to act with {told.body['params']}, and what was approved has {request.params}"


def was_edited_by_hand(account: Account) -> Iterator[str]:
    """Params that are not the agent's are exactly those that somebody put into a dialog."""
    request = account.request
    given = [tap.given.params for tap in account.case.edits if tap.given is not None]
    if request.original_params is not None and request.params not in given:
        yield f"its params are {request.params}, which nobody has put there"


# --------------------------------------------------------------------------- told once


def the_story_was_told_once(account: Account) -> Iterator[str]:
    """Each entry stands once beside the card or the list, and the end of what was shown stands there."""
    for entry, times in account.entries.items():
        if times > 1 + account.late:
            yield f"{entry} was told {times} times"
    asked_at = account.request.created_at.timestamp()
    shown = account.kinds("posted") and account.request.settled and not account.late
    if shown and not account.entries["decided"] and account.ledger.is_calm(asked_at, account.settled_at + TOLD_SECONDS):
        yield "nobody told in the thread how it ended"


def the_principal_was_told_once(account: Account) -> Iterator[str]:
    """Wherever people answered, and also where nobody was shown a card; nobody else's principal ever."""
    is_bound = account.case.number % AGENTS == 0 and not account.by_policy
    if account.words > (is_bound and 1 + account.late):
        yield f"the principal was told {account.words} times"
    if is_bound and account.request.settled and len(account.kinds("told")) != 1:
        yield f"the principal was to be told once, and the journal has it {len(account.kinds('told'))} times"
    if is_bound and account.request.settled and not account.words:
        yield "the principal was not told how it ended"


# --------------------------------------------------------------------------- where it is shown


def _were_lost(account: Account, here: set[str]) -> bool:
    """Whether each card elsewhere was posted before those ``here``, and nobody knew of it when its request was moved: a
    late double, whose channel could not be asked.
    """
    if not account.falls:
        return False
    moved_at = min(move.at for move in account.falls)
    known = {entry.data["post"] for entry in account.kinds("posted") if entry.at < moved_at}
    first_here = min((card.ts for card in account.cards if card.channel in here), default="")
    return all(card.ts < first_here and card.ts not in known for card in account.cards if card.channel not in here)


def moved_once_and_for_cause(account: Account) -> Iterator[str]:
    """A card that cannot be shown goes to the fallback, is shown there alone, and an unseen end says so."""
    family, moves = account.case.plan.family, account.falls
    channels = {card.channel for card in account.cards}
    if family not in ("back", "hush", "desk"):
        if moves:
            yield f"it was moved, and its rule names no fallback: {moves[0].data}"
        return
    if len(moves) > 1:
        yield f"it was moved {len(moves)} times"
    if moves and not account.kinds("undeliverable"):
        yield "it was moved, and the journal does not say that it could not be shown"
    here = {"back": {channel_of(BACK)}}.get(family, set()) if moves else {channel_of(CLOSING)}
    if channels - here and not _were_lost(account, here):
        yield f"its card stands in {channels}, and it {'was' if moves else 'was not'} moved"
    if moves and family == "back" and not account.cards and account.request.status != "cancelled":
        yield "it was moved to the fallback and never shown there"
    if family == "hush" and moves:
        decision = account.request.decision
        if decision is None or decision.outcome != "expired" or not (decision.reason or "").startswith(UNSEEN):
            yield f"nobody could be shown a card, and it ended as {decision}"
    if family == "desk" and moves and account.request.place != "inbox":
        yield f"it was to go to the inbox, and is in {account.request.place}"


SLACK_CHECKS: Sequence[Check] = (
    what_was_given_is_what_counts,
    agents_are_told_what_was_given,
    was_edited_by_hand,
    the_story_was_told_once,
    the_principal_was_told_once,
    moved_once_and_for_cause,
)


# --------------------------------------------------------------------------- the workspace as a whole


def of_workspace(ledger: Ledger, evidence: Evidence) -> list[str]:
    """What is wrong with lists and pace, which are nobody's case."""
    return [*_lists(ledger, evidence), *_pace(ledger, evidence)]


def _lists(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """A list is posted once, and once more where it was deleted; at the end none of it waits."""
    posted = Counter(map(named, evidence.lists))
    for name, times in posted.items():
        if times > 1 + ledger.deletions[name] + (name in ledger.doubles):
            yield f"the list of {name} was posted {times} times"
    waiting = any(
        record.status == "pending" and record.action.startswith(f"{LISTED}.") for record in evidence.records.values()
    )
    for message in evidence.lists:
        is_known = message.ts in evidence.present and named(message) not in ledger.doubles
        if is_known and not waiting and list(rows(message)):
            yield f"the list {message.ts} still has rows, and nothing waits"


def _pace(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """A channel that asked for patience is left alone until then by all, and given its cards one by one after that."""
    for channel, pacing in evidence.pacing.items():
        for asked_at, until in pacing.limits:
            if not _replicas_agree(ledger, asked_at - 2.0, until + PACED_SECONDS):
                continue
            soon = [at for at in pacing.posts if asked_at + LATE_SECONDS < at < until]
            if soon:
                yield f"{channel} asked for patience until {until:.1f}, and was given {len(soon)} cards before"
            after = [at for at in pacing.posts if until <= at < until + PACED_SECONDS]
            most = max((sum(at <= other < at + WINDOW_SECONDS for other in after) for at in after), default=0)
            if most > MOST_IN_WINDOW:
                yield f"{channel} asked for patience, and was given {most} cards in {WINDOW_SECONDS:.0f} s after it"


def _replicas_agree(ledger: Ledger, since: float, until: float) -> bool:
    """Whether nobody was killed or cut off meanwhile, who then could not know what another was told."""
    return all(ledger.is_calm(since, until, lane) for lane in ("kills", "wire", DEEDS))


__all__ = ["SLACK_CHECKS", "of_workspace"]
