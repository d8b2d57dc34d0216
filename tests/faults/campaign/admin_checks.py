"""What holds while admins change where, by whom and whether anything is asked: for each request, and for the record.

The ledger knows when each deed was asked for and when it was known, so at any other time it is known what was in force,
on every replica.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

from faults.campaign.checks import WAKE_SECONDS, Check
from faults.campaign.deeds import PAUSED, POLICY, Deed
from faults.campaign.evidence import Account, Entry, Evidence
from faults.campaign.ledger import Ledger
from faults.campaign.plan import LISTED
from faults.campaign.platform import ADMINS
from faults.campaign.policies import CHANGED, DIGESTS, MINUTES, NEVER, PAIR, place_of_rule
from sayso_bot.domain.globs import Glob
from sayso_bot.domain.pauses import Scope

LAPSE_SECONDS = 1.5
"""A second, by Redis's clock, and what it takes to be told."""
FIXED = frozenset({"hush", "desk", "gone"})
"""Families whose deadline is the same in both versions."""


# --------------------------------------------------------------------------- pauses


def nothing_took_effect_while_paused(account: Account) -> Iterator[str]:
    """No request, no approval, no edit and no decision by approvals, between a pause being known and its end."""
    request, decision = account.request, account.request.decision
    moments = [(request.created_at.timestamp(), "made")]
    moments += [(vote.at.timestamp(), "approved by a vote") for vote in request.votes if vote.outcome == "approve"]
    moments += [(entry.at, "edited") for entry in account.kinds("edited")]
    if decision is not None and decision.outcome == "approved":
        moments.append((account.settled_at, "decided"))
    for at, what in moments:
        for scope in _scopes_over(account):
            if at < account.evidence.pumped_from and _possible(account, f"pause {scope}", at) == {PAUSED}:
                yield f"it was {what} while {scope} was paused"


def was_refused_only_while_paused(account: Account) -> Iterator[str]:
    """423 is the answer of a pause, of no other time."""
    for refusal in account.case.refused:
        if refusal.code != "paused":
            continue
        if not any(
            PAUSED in _possible(account, f"pause {scope}", at)
            for scope in _scopes_over(account)
            for at in _moments(account, f"pause {scope}", refusal.asked_at, refusal.at)
        ):
            yield "its agent was told that it is paused, and nothing was"


def _scopes_over(account: Account) -> list[str]:
    request = account.request
    scopes = account.ledger.deeds.subjects(account.case.world, "pause")
    return [scope for scope in scopes if Scope.parse(scope).covers(request.agent, request.action)]


def _moments(account: Account, subject: str, since: float, until: float) -> list[float]:
    """The times between at which something may have changed, and both ends."""
    deeds = account.ledger.deeds.on(account.case.world, subject)
    return [since, until, *(deed.asked_at for deed in deeds if since < deed.asked_at < until)]


def _possible(account: Account, subject: str, at: float, before: str = "") -> set[str]:
    return account.ledger.deeds.possible(account.case.world, subject, at, before)


# --------------------------------------------------------------------------- where it is asked


def was_asked_where_admins_had_it(account: Account) -> Iterator[str]:
    """At whichever replica: by the route in force when it was made, else where its rule says."""
    request, family = account.request, account.case.plan.family
    at = request.created_at.timestamp()
    if account.by_policy or at >= account.evidence.pumped_from:
        return
    wanted = _wanted(account, request.action, at) or {place_of_rule(family)}
    if account.places[0] not in wanted:
        yield f"it was asked in {account.places[0]}, where {' or '.join(sorted(wanted))} was in force"


def _wanted(account: Account, action: str, at: float) -> set[str]:
    """Where an action may have been asked at that time: of several routes the most exact one counts."""
    patterns = [
        pattern
        for pattern in account.ledger.deeds.subjects(account.case.world, "route")
        if Glob(pattern).matches(action)
    ]
    patterns.sort(key=lambda pattern: ("*" not in pattern, len(pattern.replace("*", ""))), reverse=True)
    rule = place_of_rule(account.case.plan.family)
    each = [_possible(account, f"route {pattern}", at) for pattern in patterns]
    return {next((place for place in places if place), rule) for places in product(*each)}


def stays_where_it_is_unless_moved(account: Account) -> Iterator[str]:
    """Each move is an admin's who asked for it; no card stands where it never was asked."""
    known = {deed.why: deed for deed in account.ledger.deeds.all if deed.kind == "move"}
    for entry in account.moves:
        deed = known.get(entry.data["why"])
        if deed is None or not _names(deed, account) or not entry.data["to"].endswith(deed.value):
            yield f"it was moved, and nobody moved it there: {entry.data}"
        elif entry.at + 0.01 < deed.asked_at:
            yield f"it was moved before anybody asked for that: {entry.data}"
    channels = {card.channel for card in account.cards}
    if not channels <= set(account.places):
        yield f"its cards stand in {channels}, and it was asked in {account.places}"
    if account.case.plan.family == LISTED and len(account.places) > 1 and not account.moves:
        yield "a row of a list was moved"


def _names(deed: Deed, account: Account) -> bool:
    kind, _, what = deed.subject.partition(" ")
    return what == account.request.id if kind == "request" else Glob(what).matches(account.request.action)


# --------------------------------------------------------------------------- by which rules


def keeps_the_rule_with_which_it_was_asked(account: Account) -> Iterator[str]:
    """That of the version which was in force when it was made, whatever is later."""
    request, family = account.request, account.case.plan.family
    at = request.created_at.timestamp()
    if at >= account.evidence.pumped_from or not account.kinds("submitted"):
        return
    digest = account.kinds("submitted")[0].data["policy"]
    version, possible = DIGESTS.get(digest, digest), _possible(account, POLICY, at, "first")
    if version not in possible:
        yield f"it was made under the {version} policy, where the {' or '.join(sorted(possible))} was in force"
        return
    rule = request.requirement
    if rule is not None and family not in FIXED and rule.timeout_seconds != MINUTES[version] * 60:
        yield f"its rule gives people {rule.timeout_seconds} s, and the {version} policy gives another time"
    if rule is not None and family == "pair" and rule.quorum != PAIR[version]:
        yield f"its rule wants {rule.quorum} approvals, and the {version} policy another number"
    if family == "deny" and request.decision is not None and request.decision.reason != NEVER[version]:
        yield f"it was denied in words of another policy than the {version}: {request.decision.reason}"


# --------------------------------------------------------------------------- by which keys


def revoked_keys_were_told_nothing(account: Account) -> Iterator[str]:
    """A key is refused from when it is known to be revoked; its held calls end at once, without what came later."""
    answers = [(told.asked_at, told.at, told.key, told.settled_at) for told in account.case.told]
    ends = [*answers, *((no.asked_at, no.at, no.key, None) for no in account.case.refused)]
    for key in {answer[2] for answer in ends}:
        revoked = _revoked_at(account, key)
        for asked_at, _, _, settled_at in (answer for answer in answers if answer[2] == key):
            if asked_at > revoked:
                yield f"its agent was told of it under {key}, which was revoked {asked_at - revoked:.2f} s before"
            elif settled_at is not None and revoked < settled_at < account.evidence.pumped_from:
                yield f"its agent was told how it ended under {key}, which was revoked before that"
        for asked_at, at, _, _ in (answer for answer in ends if answer[2] == key):
            late = account.ledger.quiet_seconds(max(asked_at, revoked), at) if at > revoked else 0.0
            if late > WAKE_SECONDS:
                yield f"a call under {key} ended {late:.1f} s after that was revoked"
        if any(no.code == "unauthenticated" and no.key == key for no in account.case.refused) and not _was_replaced(
            account, key
        ):
            yield f"{key} was refused, and nobody has replaced it"


def _revoked_at(account: Account, key: str) -> float:
    """From when on it is known to be valid no more; never, where nobody has replaced it."""
    deeds = account.ledger.deeds.on(account.case.world, f"key {key}")
    revoked = [deed.known_at for deed in deeds if deed.kind == "revoke" and deed.known_at is not None]
    for deed in deeds:
        if deed.kind == "rotate" and deed.ends_at is not None:
            end = deed.ends_at + LAPSE_SECONDS
            while account.ledger.quiet_seconds(deed.ends_at, end) < LAPSE_SECONDS:
                end += LAPSE_SECONDS
            revoked.append(end)
    return min(revoked, default=float("inf"))


def _was_replaced(account: Account, key: str) -> bool:
    return bool(account.ledger.deeds.on(account.case.world, f"key {key}"))


ADMIN_CHECKS: Sequence[Check] = (
    nothing_took_effect_while_paused,
    was_refused_only_while_paused,
    was_asked_where_admins_had_it,
    stays_where_it_is_unless_moved,
    keeps_the_rule_with_which_it_was_asked,
    revoked_keys_were_told_nothing,
)


# --------------------------------------------------------------------------- the record as a whole

_KINDS: Mapping[str, str] = {
    "pause": "paused", "resume": "resumed", "route": "route_set", "undo": "route_undone", "rotate": "key_rotated",
    "revoke": "key_rotated", "activate": "policy_activated", "rollback": "policy_activated",
}  # fmt: skip
_VERBS: Mapping[str, str] = {
    "pause": " paused ", "route": " routed ", "activate": " put another policy in force",
    "rollback": " of the policy back",
}  # fmt: skip


def of_admins(ledger: Ledger, evidence: Evidence) -> list[str]:
    """What is wrong with the record of the admins' deeds, with what was announced, and with what stands at the end."""
    deeds = [deed for deed in ledger.deeds.all if deed.world == evidence.world]
    return [*_record(deeds, evidence), *_announcements(deeds, evidence), *_end(deeds, evidence)]


def _record(deeds: Sequence[Deed], evidence: Evidence) -> Iterator[str]:
    """Each deed that an admin knows to be done is in the journal once, and nothing that nobody did."""
    entries = [entry for entry in evidence.journal.get("", ()) if entry.kind in _KINDS.values()]
    found = Counter(_told_apart(deeds, entry) for entry in entries)
    for deed in deeds:
        if deed.kind == "move":
            continue
        times = found.pop((_KINDS[deed.kind], deed.number), 0)
        if times != (deed.known_at is not None):
            known = "is done, as its admin knows" if deed.known_at else "was refused"
            yield f"{deed.why} {deed.kind} {deed.subject} {known}, and the journal has it {times} times"
    for (kind, number), times in found.items():
        if number or kind != "policy_activated" or times > 1:
            yield f"the journal has {times} times {kind} (deed {number}), which no admin did"


def _told_apart(deeds: Iterable[Deed], entry: Entry) -> tuple[str, int]:
    """The kind of an entry and the number of the deed that it is about; 0 where it is nobody's."""
    data = entry.data
    if entry.kind == "key_rotated":
        its = (deed for deed in deeds if deed.subject == f"key {data['key']}")
        return entry.kind, next((deed.number for deed in its), 0)
    if entry.kind == "resumed" or (entry.kind == "route_undone" and not data["why"]):
        whys = [deed for deed in deeds if deed.why == data["before"]["why"]]
        ended = (deed for deed in deeds if whys and deed.subject == whys[0].subject and deed.number > whys[0].number)
        return entry.kind, next((deed.number for deed in ended), 0)
    why = data.get("comment") or data.get("why") or (data.get("after") or {}).get("why")
    return entry.kind, next((deed.number for deed in deeds if deed.why == why), 0)


def _announcements(deeds: Sequence[Deed], evidence: Evidence) -> Iterator[str]:
    """Who is concerned is told, once in each channel; and admins of what demands less, once each."""
    for deed in deeds:
        if deed.kind not in _VERBS or deed.known_at is None:
            continue
        said = {
            channel: sum(deed.why in text and _VERBS[deed.kind] in text for text in texts)
            for channel, texts in evidence.words_at.items()
        }
        if max(said.values(), default=0) > 1:
            yield f"{deed.why} {deed.kind} {deed.subject} was announced more than once: {said}"
        if not any(said.values()) or not _concerned(deed) <= {channel for channel, times in said.items() if times}:
            yield f"{deed.why} {deed.kind} {deed.subject} was not announced where it leads"


def _concerned(deed: Deed) -> set[str]:
    """The channels in which a deed must be announced, as far as that is known of it alone."""
    if deed.kind == "route":
        return {deed.value}
    if deed.kind == "pause":
        return set()
    rules = {place_of_rule(family) for family in CHANGED}
    return rules | {f"D{admin}" for admin in ADMINS} if deed.kind == "activate" else rules


def _end(deeds: Sequence[Deed], evidence: Evidence) -> Iterator[str]:
    """Everything was taken back but the routes that end by themselves, and the keys that were replaced are refused."""
    ending = {
        deed.subject.removeprefix("route ") for deed in deeds if deed.ends_at is not None and deed.kind == "route"
    }
    standing = evidence.standing
    if left := set(standing.routes) - ending:
        yield f"at the end these are routed still: {left}"
    if standing.pauses:
        yield f"at the end these are paused still: {standing.pauses}"
    if DIGESTS.get(standing.policy or "") != "first":
        yield f"at the end the policy is {standing.policy}, not the first version"
    revoked = {deed.subject.removeprefix("key ") for deed in deeds if deed.kind == "revoke" and deed.known_at}
    if alive := revoked & standing.keys:
        yield f"at the end these keys are valid still: {alive}"


__all__ = ["ADMIN_CHECKS", "of_admins"]
