"""Where admins are told something alone, while a platform can say nothing now or for good."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
import structlog

from sayso_bot.domain.person import Person
from sayso_bot.office import admins as office_admins
from sayso_bot.office.admins import TRIES, Admins
from sayso_bot.office.rooms import Tools
from sayso_bot.ports import LookupFailed


class Slack:
    """Knows the group S0OPS, and nobody while it is ``away``."""

    name = "slack"

    def __init__(self) -> None:
        self.away: LookupFailed | None = None
        self.asked = 0

    async def resolve(self, approver: str, *, fresh: bool = False) -> frozenset[str]:
        self.asked += 1
        if self.away is not None:
            raise self.away
        return frozenset({"slack:T0TEAM/U0OLGA"} if approver == "slack:S0OPS" else ())

    async def recognise(self, person: Person) -> Person:
        if self.away is not None:
            raise self.away
        return person.also({"slack:T0TEAM/U0ANA"})


@pytest.fixture
def slack() -> Slack:
    return Slack()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as a list of one."""
    time = [0.0]
    monkeypatch.setattr(office_admins, "monotonic", lambda: time[0])
    return time


def admins_of(slack: Slack, *named: str) -> Admins:
    policy = SimpleNamespace(admins=named)
    tools = SimpleNamespace(
        configuration=SimpleNamespace(policy=policy), adapters={"slack": slack}, log=structlog.get_logger()
    )
    return Admins(cast("Tools", tools))


async def test_groups_and_addresses_stand_for_accounts_and_the_operator_for_none(slack: Slack) -> None:
    admins = admins_of(slack, "operator", "slack:S0OPS", "email:ana@example.com")
    assert await admins.places() == ["slack:T0TEAM/U0OLGA", "slack:T0TEAM/U0ANA"]


async def test_who_cannot_be_looked_up_now_is_told_later_and_asked_for_ever_less_often(
    slack: Slack, now: list[float]
) -> None:
    admins = admins_of(slack, "slack:S0OPS")
    slack.away = LookupFailed("away")
    assert await admins.places() is None
    assert await admins.places() is None
    assert slack.asked == 1, "between tries nobody is asked"
    now[0] = 1.0
    assert await admins.places() is None
    now[0] = 2.5
    assert await admins.places() is None
    assert slack.asked == 2, "the second pause is twice the first"
    slack.away, now[0] = None, 3.0
    assert await admins.places() == ["slack:T0TEAM/U0OLGA"]


async def test_after_some_tries_those_who_were_found_are_enough(slack: Slack, now: list[float]) -> None:
    admins = admins_of(slack, "slack:S0OPS", "slack:S0GONE")
    resolve = slack.resolve

    async def one_is_never_found(approver: str, *, fresh: bool = False) -> frozenset[str]:
        if approver == "slack:S0GONE":
            raise LookupFailed("away")
        return await resolve(approver, fresh=fresh)

    slack.resolve = one_is_never_found  # type: ignore[method-assign]
    found = []
    for _ in range(TRIES):
        found.append(await admins.places())
        now[0] += office_admins.LONGEST_PAUSE_SECONDS
    assert found == [None] * (TRIES - 1) + [["slack:T0TEAM/U0OLGA"]]


async def test_who_cannot_be_looked_up_before_somebody_mends_it_holds_up_nobody(slack: Slack) -> None:
    slack.away = LookupFailed("token_revoked", lasting=True)
    assert await admins_of(slack, "slack:S0OPS").places() == []
