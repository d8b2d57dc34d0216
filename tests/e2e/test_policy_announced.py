"""Another policy is announced where it touches what is asked, and admins are told what got weaker and what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from e2e.admin_office import POLICY, Admin, administering
from redis_server import RedisServer
from sayso_bot.domain.versions import Origin
from sayso_bot.opening import opened_book
from sayso_bot.policy import Documents, PolicyVersions, digest
from sayso_bot.settings import Settings
from sayso_bot.telemetry import logger
from sayso_bot.workers import news, policy_file
from service import serving, until

WEAKER = POLICY.replace("[email:ana@example.com], timeout", "[email:ana@example.com, email:ben@example.com], timeout")
LATER = POLICY.replace("timeout: 30m", "timeout: 20m")
PAYMENTS = "C0PAYMENTS"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(policy_file, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(policy_file, "SETTLE_SECONDS", 0.01)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as redis:
        yield redis


async def put(admin: Admin, text: str, comment: str = "") -> None:
    done = await admin.client.put(
        "/v1/admin/policy", json={"document": text, "comment": comment}, headers={"If-Match": "*"}
    )
    assert done.status_code == 200, done.text


async def said_to_olga(admin: Admin, words: str, count: int = 1) -> str:
    await until(lambda: sum(words in said for said in admin.said_to_olga()) >= count)
    await asyncio.sleep(0.5)
    found = [said for said in admin.said_to_olga() if words in said]
    assert len(found) == count
    return found[-1]


async def test_a_policy_is_announced_in_the_channels_of_the_rules_that_it_changes_and_in_no_other() -> None:
    async with administering() as admin:
        await put(admin, LATER, "Half an hour is long")
        [said] = await until(lambda: admin.said_in(PAYMENTS))
        key = next(key for key in admin.sayso.service.configuration.keys if key.name == "terraform")
        assert f"the key terraform ({key.id}) put another policy in force: Half an hour is long." in said
        assert "Of the rules that ask here: changed “refunds”." in said
        assert "It demands less" not in said
        await admin.client.post("/v1/admin/policy/rollback", json={"version": 1}, headers={"If-Match": "*"})
        await until(lambda: len(admin.said_in(PAYMENTS)) == 2)
        assert "brought version 1 of the policy back." in admin.said_in(PAYMENTS)[-1]
        await asyncio.sleep(0.5)
        assert [admin.said_in(channel) for channel in ("C0OPS", "C0OPEN", "DU0OLGA")] == [[], [], []]


async def test_where_rules_go_and_come_both_channels_are_told() -> None:
    async with administering() as admin:
        await put(admin, POLICY.replace("ask: {channel: payments", "ask: {channel: ops"))
        await until(lambda: admin.said_in(PAYMENTS) and admin.said_in("C0OPS"))
        assert all("changed “refunds”" in admin.said_in(channel)[0] for channel in (PAYMENTS, "C0OPS"))
        await put(admin, POLICY.replace("  - {name: open deploys, action: deploy.*, ask: {channel: open}}\n", ""))
        assert "removed “open deploys”" in (await until(lambda: admin.said_in("C0OPEN")))[0]


async def test_what_gets_weaker_is_said_in_the_channel_and_to_the_admins_once() -> None:
    async with administering() as admin:
        await put(admin, WEAKER, "Ana is away")
        sentence = 'payments.refund: may be approved by email:ben@example.com too (rule "refunds").'
        assert sentence in (await until(lambda: admin.said_in(PAYMENTS)))[0]
        said = await said_to_olga(admin, "demands less")
        assert sentence in said
        assert "put another policy in force: Ana is away. Version 2 of the policy demands less:" in said


async def test_an_admin_who_is_replaced_by_another_is_told_so() -> None:
    async with administering() as admin:
        await put(admin, POLICY.replace("email:olga@example.com", "email:ben@example.com"))
        said = await said_to_olga(admin, "demands less")
        assert "admins: may be administered by email:ben@example.com too." in said
        await until(lambda: admin.said_in("DU0BEN") == [said])


async def test_a_file_is_announced_when_it_changes_and_not_when_it_is_put_in_force_first() -> None:
    async with administering() as admin:
        path = admin.sayso.service.settings.policy
        assert path is not None
        path.write_text(f"# no rule is another\n{POLICY}")
        await until(lambda: admin.sayso.service.configuration.policy.digest == digest(path.read_text()))
        path.write_text(LATER)
        [said] = await until(lambda: admin.said_in(PAYMENTS))
        assert said.startswith("The policy's file was changed, and what it says is in force.")


async def test_what_an_operator_s_command_weakens_is_told_by_whichever_replica_looks_first(server: RedisServer) -> None:
    async with administering(redis=server) as admin, serving(redis=server, environ=admin.slack.settings()):
        async with opened_book(Settings.load({"SAYSO_REDIS_URL": server.url}), logger("test")) as store:
            policies = PolicyVersions(store, Documents(), logger("test"))
            await policies.activate(WEAKER, "a file", Origin("operator ben", "command", "host"))
        assert "operator ben put another policy in force." in await said_to_olga(admin, "demands less")


async def test_admins_are_told_of_an_invalid_file_once_for_each_error_whatever_replicas_look_at_it(
    server: RedisServer,
) -> None:
    async with administering(redis=server) as admin:
        path = admin.sayso.service.settings.policy
        assert path is not None
        both = {**admin.slack.settings(), "SAYSO_POLICY": str(path)}
        async with serving(redis=server, environ=both) as other:
            admin.slack.break_("users.lookupByEmail", status=503, times=4)
            path.write_text("rules: [\n")
            said = await said_to_olga(admin, "The policy's file is not valid, so the policy in force stays.")
            assert f"{path}:2:1: The YAML ends too early" in said
            path.write_text("a: 1\na: 2\n")
            assert "stands here twice" in await said_to_olga(admin, "The policy's file is not valid", 2)
            path.write_text(POLICY)
            assert other.service.policy_file is not None
            assert admin.sayso.service.policy_file is not None
            files = (admin.sayso.service.policy_file, other.service.policy_file)
            await until(lambda: not any(file.invalid for file in files))
            await until(lambda: _nothing_is_told_of_the_file(admin))
            path.write_text("a: 1\na: 2\n")
            await said_to_olga(admin, "The policy's file is not valid", 3)


async def test_an_error_that_comes_again_after_all_were_restarted_with_a_mended_file_is_told_again(
    server: RedisServer,
) -> None:
    async with administering(redis=server) as admin:
        path = server.folder / "watched.yaml"
        path.write_text(POLICY)
        environ = {**admin.slack.settings(), "SAYSO_POLICY": str(path)}
        async with serving(redis=server, environ=environ):
            path.write_text("rules: [\n")
            await said_to_olga(admin, "The policy's file is not valid")
        path.write_text(POLICY)
        async with serving(redis=server, environ=environ):
            await until(lambda: _nothing_is_told_of_the_file(admin))
            path.write_text("rules: [\n")
            await said_to_olga(admin, "The policy's file is not valid", 2)


async def _nothing_is_told_of_the_file(admin: Admin) -> bool:
    return await admin.sayso.service.store.office.told("policy file") == ""
