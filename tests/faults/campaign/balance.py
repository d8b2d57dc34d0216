"""The ledger held against what lies in Redis and in Slack: each check is one promise, each failure names its request.

The checks know nothing of how the service works. They compare what agents and people were told with the records, the
journal and the cards, once the faults have stopped and everything had time to come to rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from faults.campaign.admin_checks import ADMIN_CHECKS
from faults.campaign.checks import CHECKS
from faults.campaign.evidence import Account, Evidence, made
from faults.campaign.ledger import Case, Ledger
from faults.campaign.slack_checks import SLACK_CHECKS


@dataclass(frozen=True, slots=True)
class Failure:
    case: Case
    what: str


def balance(ledger: Ledger, evidence: Evidence) -> list[Failure]:
    """Everything that does not agree, in the order of the requests."""
    found = made(evidence)
    failures = []
    for case in ledger.cases.values():
        if case.world != evidence.world:
            continue
        ids = case.ids | found[case.plan.action]
        if not ids and not case.done:
            continue
        failures += [Failure(case, what) for what in _of_case(ledger, evidence, case, ids)]
    return failures


def _of_case(ledger: Ledger, evidence: Evidence, case: Case, ids: set[str]) -> Iterator[str]:
    if not case.done:
        yield "its agent is still waiting"
    if len(ids) != 1:
        yield f"one Idempotency-Key made {len(ids)} requests: {', '.join(sorted(ids))}"
        return
    [found] = ids
    request = evidence.records.get(found)
    if request is None:
        yield f"{found} was acknowledged and is not on the record"
        return
    account = Account(
        case,
        evidence,
        ledger,
        request,
        evidence.journal.get(found, ()),
        evidence.cards.get(found, ()),
        evidence.entries.get(found, Counter()),
        evidence.words.get(found, 0),
    )
    for check in (*CHECKS, *SLACK_CHECKS, *ADMIN_CHECKS):
        yield from check(account)
