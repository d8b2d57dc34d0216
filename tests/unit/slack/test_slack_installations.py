"""Installations on the shelf: tokens that rotate, that are refused, and workspaces that leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fakes.slack_oauth import FakeSlackApp
from redis_server import RedisServer
from sayso_adapters.slack.installations import KEPT_SECONDS, Installation, Installations, utc_now
from sayso_adapters.slack.oauth import OAuth
from sayso_adapters.slack.rotation import Installed
from sayso_adapters.slack.settings import read
from sayso_adapters.slack.wire import Wire
from sayso_bot.errors import Unavailable
from sayso_bot.ports import AdapterError, Gone, Retry
from sayso_bot.store.connect import connect
from sayso_bot.store.shelf import RedisShelf
from sayso_bot.testing.clock import Clock
from sayso_bot.testing.context import Lines, MemoryShelf
from sayso_bot.testing.desk import MemoryDesk
from unit.slack.slack_tenants import ONE, PLACE_ONE, TWO, Replica, install, replica

TWELVE_HOURS = 12 * 3600


@pytest.fixture
async def app() -> AsyncIterator[FakeSlackApp]:
    async with FakeSlackApp() as app:
        app.rotates = TWELVE_HOURS
        app.add_workspace(ONE).add_channel("C0ONE", [])
        app.add_workspace(TWO)
        yield app


class Processes:
    """Several processes that share a shelf and the time."""

    def __init__(self, app: FakeSlackApp) -> None:
        self.app = app
        self.clock = Clock()
        self.shelf = MemoryShelf(self.clock)
        self.log = Lines()
        self.installations = Installations(self.shelf, self.clock)
        self.tasks: list[asyncio.Future[None]] = []

    def oauth(self) -> OAuth:
        return OAuth(read(self.app.settings()), "", ("chat:write",), self.clock)

    async def made(self) -> Installation:
        made, _ = await self.oauth().installation(self.app.code(ONE))
        await self.installations.add(made)
        return made

    def installed(self, known: Installation, installations: Installations | None = None) -> Installed:
        return Installed(known, installations or self.installations, self.oauth().refreshed, self._spawn, self.log)

    def _spawn(self, work: Awaitable[None]) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    async def token(self, installed: Installed) -> str:
        """The token once what asking for it began has ended."""
        await installed.token()
        await asyncio.gather(*self.tasks)
        return await installed.token()

    @property
    def refreshes(self) -> int:
        return sum(1 for grant in self.app.grants if grant.get("grant_type") == "refresh_token")


@pytest.fixture
def processes(app: FakeSlackApp) -> Processes:
    return Processes(app)


class TestRotation:
    async def test_a_fresh_token_is_used_as_it_is(self, processes: Processes) -> None:
        made = await processes.made()
        assert await processes.installed(made).token() == made.token
        assert processes.refreshes == 0

    async def test_a_token_is_replaced_before_its_time_is_up_and_nobody_waits(self, processes: Processes) -> None:
        made = await processes.made()
        processes.clock.pass_by(hours=11)
        installed = processes.installed(made)
        assert await installed.token() == made.token
        newer = await processes.token(installed)
        assert newer != made.token
        found = await processes.installations.read(ONE)
        assert found is not None
        assert found.token == newer
        assert found.refresh != made.refresh
        assert found.expires_at is not None
        assert found.expires_at > processes.clock() + timedelta(hours=11)

    @pytest.mark.parametrize("hours", [11, 13])
    async def test_many_processes_refresh_once_and_agree(
        self, processes: Processes, server: RedisServer, hours: int
    ) -> None:
        client = connect(server.url)
        await client.flushall()
        shelf = RedisShelf(client, "main", "slack", bytes(32), processes.log)
        processes.installations = Installations(shelf, processes.clock)
        made = await processes.made()
        processes.clock.pass_by(hours=hours)
        several = [processes.installed(made) for _ in range(5)]
        await asyncio.gather(*(one.token() for one in several for _ in range(3)))
        await asyncio.gather(*processes.tasks)
        found = await processes.installations.read(ONE)
        assert found is not None
        tokens = {await one.token() for one in several}
        await client.aclose()
        assert processes.refreshes == 1
        assert found.token != made.token
        assert tokens <= ({found.token} if hours > 12 else {found.token, made.token})

    async def test_the_new_pair_is_on_the_shelf_before_it_is_used(self, processes: Processes) -> None:
        made = await processes.made()
        processes.clock.pass_by(hours=11)
        kept: list[str] = []

        class Watched(MemoryShelf):
            async def put(self, name: str, value: bytes, *, ttl_seconds: int) -> None:
                await super().put(name, value, ttl_seconds=ttl_seconds)
                kept.append(name)

        watched = Watched(processes.clock)
        watched.kept = processes.shelf.kept
        installed = processes.installed(made, Installations(watched, processes.clock))
        wire = Wire(read(processes.app.settings()), installed)
        await wire.open()
        await processes.token(installed)
        await wire.call("auth.test")
        await wire.close()
        assert kept.count(f"install/{ONE}") == 1
        found = await processes.installations.read(ONE)
        assert found is not None
        assert processes.app.used[-1][2] == found.token

    async def test_a_shelf_that_is_away_for_a_moment_does_not_lose_the_new_pair(self, processes: Processes) -> None:
        made = await processes.made()
        processes.clock.pass_by(hours=13)

        class Shaky(MemoryShelf):
            failures = 2

            async def put(self, name: str, value: bytes, *, ttl_seconds: int) -> None:
                if name.startswith("install/") and self.failures:
                    self.failures -= 1
                    raise Unavailable("The store is away.")
                await super().put(name, value, ttl_seconds=ttl_seconds)

        shaky = Shaky(processes.clock)
        shaky.kept = processes.shelf.kept
        newer = await processes.installed(made, Installations(shaky, processes.clock)).token()
        found = await processes.installations.read(ONE)
        assert found is not None
        assert (found.token, processes.refreshes) == (newer, 1)
        assert newer != made.token

    async def test_a_crash_between_slack_and_the_shelf_leaves_the_old_token_until_its_time_is_up(
        self, processes: Processes
    ) -> None:
        made = await processes.made()
        processes.clock.pass_by(hours=11)
        await processes.oauth().refreshed(made)  # and then the process dies
        another = processes.installed(made)
        assert await processes.token(another) == made.token
        assert processes.log.of("slack.installation_not_renewed")[0]["what"] == "invalid_refresh_token"
        processes.clock.pass_by(hours=2)
        for _ in range(3):
            with pytest.raises(Gone, match="invalid_refresh_token"):
                await another.token()
        with pytest.raises(Gone, match="invalid_refresh_token"):
            another.home()
        assert processes.refreshes == 3

    async def test_a_dead_process_s_lock_lapses(self, processes: Processes) -> None:
        made = await processes.made()
        processes.clock.pass_by(hours=11)
        await processes.shelf.put_new(f"lock/{ONE}", b"of a dead one", ttl_seconds=60)
        installed = processes.installed(made)
        assert await processes.token(installed) == made.token
        processes.clock.pass_by(minutes=2)
        assert await processes.token(installed) != made.token

    async def test_a_refresh_that_fails_early_is_tried_again_a_minute_later(self, processes: Processes) -> None:
        made = await processes.made()
        processes.clock.pass_by(hours=11)
        processes.app.spend_refresh_tokens()
        installed = processes.installed(made)
        for _ in range(3):
            assert await processes.token(installed) == made.token
        assert processes.refreshes == 1
        processes.clock.pass_by(minutes=2)
        await processes.token(installed)
        assert processes.refreshes == 2

    async def test_a_token_that_slack_calls_expired_is_replaced_and_the_call_made(self, processes: Processes) -> None:
        made = await processes.made()
        processes.app.expire(ONE)
        wire = Wire(read(processes.app.settings()), processes.installed(made))
        await wire.open()
        said = await wire.call("chat.postMessage", channel="C0ONE", text="once")
        await wire.close()
        assert said["ok"]
        assert len(processes.app.members[ONE].messages) == 1
        assert processes.refreshes == 1

    async def test_a_removal_during_a_refresh_stays_a_removal(self, processes: Processes) -> None:
        made = await processes.made()
        processes.clock.pass_by(hours=13)
        await processes.shelf.delete(f"install/{ONE}")
        with pytest.raises(Gone, match="not_installed"):
            await processes.installed(made).token()
        assert await processes.installations.read(ONE) is None
        assert processes.refreshes == 0

    async def test_no_token_is_in_what_is_logged_or_shown(self, processes: Processes) -> None:
        made = await processes.made()
        processes.clock.pass_by(hours=11)
        newer = await processes.token(processes.installed(made))
        assert newer != made.token
        for secret in (made.token, made.refresh or "-", newer):
            assert secret not in repr(made) + str(processes.log.lines)


class TestRefusedTokens:
    @pytest.mark.parametrize("what", ["token_revoked", "account_inactive", "invalid_auth"])
    async def test_the_workspace_is_gone_and_not_forgotten(self, processes: Processes, what: str) -> None:
        made = await processes.made()
        installed = processes.installed(made)
        assert await installed.refused(made.token, what) is None
        with pytest.raises(Gone, match=what):
            installed.home()
        assert await processes.installations.read(ONE) is not None
        processes.clock.pass_by(minutes=2)
        assert installed.home().team == ONE

    async def test_a_token_that_another_process_put_there_is_used_at_once(self, processes: Processes) -> None:
        old = await processes.made()
        newer = await processes.made()
        installed = processes.installed(old)
        assert await installed.refused(old.token, "token_revoked") == newer.token
        assert await installed.token() == newer.token

    async def test_without_an_installation_it_is_not_installed(self, processes: Processes) -> None:
        made = await processes.made()
        await processes.shelf.delete(f"install/{ONE}")
        with pytest.raises(Gone, match="not_installed"):
            await processes.installed(made).refused(made.token, "token_revoked")

    async def test_a_shelf_that_is_away_is_for_later(self, processes: Processes) -> None:
        made = await processes.made()
        processes.shelf.broken = Unavailable("The store is away.")
        with pytest.raises(Retry):
            await processes.installed(made).refused(made.token, "token_revoked")


async def test_an_installation_in_use_is_kept_and_one_that_nobody_uses_lapses(processes: Processes) -> None:
    processes.app.rotates = None
    made = await processes.made()
    processes.clock.pass_by(days=300)
    assert await processes.token(processes.installed(made)) == made.token
    processes.clock.pass_by(days=300)
    found = await processes.installations.all()
    assert [installation.id for installation in found] == [ONE]
    assert found[0].kept_at > made.kept_at
    processes.clock.pass_by(seconds=KEPT_SECONDS)
    assert await processes.installations.all() == []


async def test_an_answer_of_another_workspace_to_a_refresh_is_not_believed(processes: Processes) -> None:
    made = await processes.made()
    other, _ = await processes.oauth().installation(processes.app.code(TWO))
    with pytest.raises(AdapterError, match="bad_answer"):
        await processes.oauth().refreshed(replace(made, refresh=other.refresh))


class TestDepartures:
    @pytest.fixture
    async def service(self, app: FakeSlackApp, desk: MemoryDesk) -> AsyncIterator[Replica]:
        async with replica(app, desk) as running:
            await install(app, running, ONE)
            yield running

    async def _ids(self, service: Replica) -> list[str]:
        return [found.id for found in await Installations(service.shelf, utc_now).all()]

    @pytest.mark.parametrize(
        ("kind", "more"), [("app_uninstalled", {}), ("tokens_revoked", {"tokens": {"oauth": [], "bot": ["U0BOT"]}})]
    )
    async def test_a_workspace_that_leaves_is_forgotten_and_that_is_on_the_record(
        self, app: FakeSlackApp, service: Replica, desk: MemoryDesk, kind: str, more: dict[str, Any]
    ) -> None:
        await install(app, service, TWO)
        assert await app.event(service.url, ONE, kind, **more) == 200
        assert await self._ids(service) == [TWO]
        about = {"installation": ONE, "team": ONE, "enterprise": "", "what": kind}
        assert service.around.journal[-1] == ("slack_uninstalled", about)

    async def test_both_events_are_one_departure(self, app: FakeSlackApp, service: Replica) -> None:
        await app.event(service.url, ONE, "tokens_revoked", tokens={"bot": ["U0BOT"]})
        assert await app.event(service.url, ONE, "app_uninstalled") == 200
        assert [kind for kind, _ in service.around.journal] == ["slack_installed", "slack_uninstalled"]

    async def test_a_person_s_own_token_is_no_departure(self, app: FakeSlackApp, service: Replica) -> None:
        assert await app.event(service.url, ONE, "tokens_revoked", tokens={"oauth": ["U0ANA"]}) == 200
        assert await self._ids(service) == [ONE]

    async def test_a_forged_event_changes_nothing(self, app: FakeSlackApp, service: Replica) -> None:
        forged = await app.event(
            service.url, ONE, "tokens_revoked", secret="not the secret of Slack", tokens={"bot": ["U0BOT"]}
        )
        assert forged == 401
        assert await self._ids(service) == [ONE]

    async def test_a_late_event_about_an_earlier_installation_does_not_end_this_one(
        self, app: FakeSlackApp, service: Replica
    ) -> None:
        an_hour_ago = utc_now().timestamp() - 3600
        assert await app.event(service.url, ONE, "app_uninstalled", at=an_hour_ago) == 200
        assert await self._ids(service) == [ONE]

    async def test_a_departure_that_cannot_be_recorded_is_told_again(self, app: FakeSlackApp, service: Replica) -> None:
        service.around.journal_trouble = Unavailable("The store is away.")
        assert await app.event(service.url, ONE, "app_uninstalled") == 503
        assert await self._ids(service) == [ONE]
        service.around.journal_trouble = None
        assert await app.event(service.url, ONE, "app_uninstalled") == 200
        assert await self._ids(service) == []

    async def test_nothing_more_is_sent_to_a_workspace_that_left(
        self, app: FakeSlackApp, service: Replica, desk: MemoryDesk
    ) -> None:
        await service.posted(desk, PLACE_ONE)
        await app.event(service.url, ONE, "app_uninstalled")
        app.revoke(ONE)
        with pytest.raises(Gone):
            await service.posted(desk, PLACE_ONE)
        assert len(app.members[ONE].messages) == 1
