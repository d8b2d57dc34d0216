"""Whatever becomes of the policy's file while the service runs: the policy in force stays, and admins are told."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from sayso_bot.domain.versions import Origin
from sayso_bot.errors import Unavailable
from sayso_bot.policy import digest
from sayso_bot.workers import policy_file
from service import Sayso, serving, until

POLICY = "rules:\n  - {action: pay.*, ask: {channel: inbox, approvers: [operator]}}\n"
OTHER = POLICY.replace("pay", "buy")
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nrules: [*b, *b]\n"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_file, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(policy_file, "SETTLE_SECONDS", 0.01)
    monkeypatch.setattr("sayso_bot.http.health.LOOK_SECONDS", 0.0)


async def warnings(probe: httpx.AsyncClient) -> list[str]:
    found: list[str] = (await probe.get("/readyz")).json()["warnings"]
    return found


async def only_warning(probe: httpx.AsyncClient) -> str:
    [warning] = await until(lambda: warnings(probe))
    return str(warning)


def fill(text: str | bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(text.encode() if isinstance(text, str) else text)

    return write


def instead(make: Callable[[Path], Any]) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


HARM = [
    (fill("rules: [\n"), ":2:1: The YAML ends too early"),
    (fill("a: 1\na: 2\n"), ":2:1: \"a\" stands here twice; it is already on line 1."),
    (fill(BOMB), ":1:4: YAML anchors are not accepted"),
    (fill("rules:\n  - action: *all\n"), ":2:13: YAML aliases are not accepted"),
    (fill("[" * 100_000), ":1:17: The policy is nested deeper than 16 levels"),
    (fill(POLICY[:40]), "The policy file is not valid"),
    (fill(""), ":1:1: The policy is empty"),
    (fill(b"rules: \xff\n"), ":1:8: This is not UTF-8 text"),
    (fill(b"\xff\xfer\0"), ":1:1: This is UTF-16"),
    (fill("\ufeff" + OTHER), ":1:1: A byte order mark stands here"),
    (fill("rules:\n\t- action: a\n"), ":2:1: A tab stands here"),
    (fill("rules:\n  - action: a\0\n"), ":2:14: The character NUL stands here"),
    (fill("# " + "x" * (4 * 1024 * 1024)), "is larger than 4 MiB"),
    (instead(Path.mkdir), "is a folder, not a file"),
    (instead(os.mkfifo), "is a pipe, not a file"),
    (instead(_socket), "is a socket or a device, not a file"),
    (instead(lambda path: path.symlink_to("nowhere")), "is a link that leads nowhere"),
    (instead(lambda path: path.symlink_to(path.name)), "is a link that leads back to itself"),
    (instead(lambda path: path.symlink_to("/dev/zero")), "is a device, not a file"),
    (Path.unlink, "does not exist"),
]  # fmt: skip


async def test_what_is_no_policy_changes_nothing_and_is_told_with_its_place() -> None:
    """One service meets them all, one after the other, and is well again after each."""
    async with serving(policy=POLICY) as sayso:
        path = sayso.service.settings.policy
        assert path is not None
        agent, probe = await sayso.agent(), sayso.client()
        for harm, words in HARM:
            before = len(await sayso.journal("policy_file_refused"))
            harm(path)
            warning = await until(lambda: _says(probe, words))  # noqa: B023 - it is called before the next round
            assert "The policy file is not valid, so the earlier policy stays." in warning
            asked = await agent.post("/v1/requests", json={"action": "pay.x", "params": {}})
            assert asked.json()["status"] == "pending"
            entries = await until(lambda: _more_than(sayso, before))  # noqa: B023
            told = json.loads(entries[-1]["data"])
            assert told["file"] == str(path)
            assert told["detail"][:200] in warning
            _mend(path)
            await until(lambda: _is_well(probe))
        assert len(await sayso.journal("policy_activated")) == 1


def _mend(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    new = path.with_name("new.yaml")
    new.write_text(POLICY)
    new.replace(path)


async def _more_than(sayso: Sayso, before: int) -> list[dict[str, str]]:
    found = await sayso.journal("policy_file_refused")
    return found if len(found) > before else []


async def _says(probe: httpx.AsyncClient, words: str) -> str | None:
    return next((warning for warning in await warnings(probe) if words in warning), None)


async def _is_well(probe: httpx.AsyncClient) -> bool:
    return not await warnings(probe)


async def test_a_file_that_is_still_being_written_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_file, "SETTLE_SECONDS", 0.1)
    async with serving(policy=POLICY) as sayso:
        path = sayso.service.settings.policy
        assert path is not None
        half = OTHER + "  - {action: dropped, deny: This rule comes last.}\n"
        looks: list[int] = []
        look = policy_file.PolicyFile._stamp

        def growing(self: Any) -> Any:
            """The file grows for as long as it is looked at, a few bytes each time, and is a policy at every length."""
            found = look(self)
            if len(looks) < 8:
                looks.append(len(looks))
                with path.open("a") as file:
                    file.write(f"# part {len(looks)}\n")
            return found

        path.write_text(half)
        monkeypatch.setattr(policy_file.PolicyFile, "_stamp", growing)
        await until(lambda: sayso.service.configuration.policy.digest == digest(path.read_text()))
        assert len(looks) == 8
        assert len(await sayso.journal("policy_activated")) == 2


async def test_a_file_that_cannot_be_read_for_a_moment_is_read_as_soon_as_it_can_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(policy=POLICY) as sayso:
        path = sayso.service.settings.policy
        assert path is not None
        opened = os.open

        def full(name: Any, *rest: Any) -> int:
            if name == path:
                raise OSError(errno.EMFILE, "Too many open files")
            return opened(name, *rest)

        monkeypatch.setattr(os, "open", full)
        path.write_text(OTHER)
        probe = sayso.client()
        await until(lambda: _says(probe, "cannot be read now (Too many open files)"))
        await asyncio.sleep(0.2)
        assert len(await sayso.journal("policy_file_refused")) == 1
        monkeypatch.setattr(os, "open", opened)
        await until(lambda: sayso.service.configuration.policy.digest == digest(OTHER))
        await until(lambda: _is_well(probe))


async def test_a_change_that_took_effect_unheard_and_was_rolled_back_is_not_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(policy=POLICY) as sayso:
        path, policies = sayso.service.settings.policy, sayso.service.policies
        assert path is not None
        activate = policies.activate
        tried: list[str] = []

        async def unheard(*document: Any, operation: str) -> Any:
            tried.append(operation)
            done = await activate(*document, operation=operation)
            if len(tried) == 1:
                await activate(POLICY, "version 1", Origin(by="olga", via="api"))
                raise Unavailable("The store cannot be reached.")
            return done

        monkeypatch.setattr(policies, "activate", unheard)
        path.write_text(OTHER)
        await until(lambda: len(tried) == 2)
        await asyncio.sleep(0.2)
        assert (await policies.active()).digest == digest(POLICY)
        assert len(await sayso.journal("policy_activated")) == 3


async def test_a_file_that_is_replaced_by_another_is_followed() -> None:
    async with serving(policy=POLICY) as sayso:
        path = sayso.service.settings.policy
        assert path is not None
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "mounted.yaml").write_text(OTHER)
            path.unlink()
            path.symlink_to(Path(folder) / "mounted.yaml")
            await until(lambda: sayso.service.configuration.policy.digest == digest(OTHER))
            newest, *_ = (await sayso.service.policies.versions()).items
            assert (newest.number, newest.origin.via) == (2, "file")
            assert newest.origin.where == f"{socket.gethostname()}:{path}"


async def test_a_replica_with_another_file_says_what_is_in_force_since_when_and_by_whom() -> None:
    async with serving(policy=POLICY) as sayso:
        admin = await sayso.agent("ops", kinds=frozenset({"admin"}))
        done = await admin.put(
            "/v1/admin/policy", json={"document": OTHER}, headers={"If-Match": f'"{digest(POLICY)}"'}
        )
        assert done.status_code == 200
        warning = await only_warning(sayso.client())
        version = (await sayso.service.policies.versions()).items[0]
        assert f"is not the policy in force. That is version 2, since {version.at:%Y-%m-%dT%H:%M}" in warning
        assert f"by {version.origin.by} (from the api)" in warning


async def test_a_change_of_the_file_that_demands_less_is_in_the_record() -> None:
    strict = POLICY.replace("[operator]", "[operator, 'email:ana@example.com'], quorum: 2")
    async with serving(policy=strict) as sayso:
        path = sayso.service.settings.policy
        assert path is not None
        path.write_text(POLICY)
        await until(lambda: sayso.service.configuration.policy.digest == digest(POLICY))
        told = json.loads((await sayso.journal("policy_activated"))[-1]["data"])
        assert told["weakens"] == ['pay.*: quorum 1 instead of 2 (rule "pay.*").']
        assert (told["via"], told["replaces"]) == ("file", digest(strict))


async def test_a_file_that_is_superseded_while_a_replica_starts_does_not_undo_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between the look at what is in force, which is this very file, and the act."""
    async with serving(policy=POLICY) as sayso:
        policies = sayso.service.policies
        look = policies.active

        async def replaced_after() -> Any:
            found = await look()
            monkeypatch.setattr(policies, "active", look)
            await policies.activate(OTHER, "test", Origin(via="api"))
            return found

        monkeypatch.setattr(policies, "active", replaced_after)
        assert await policies.publish(POLICY, "file", Origin(via="file")) is None
        assert (await policies.active()).digest == digest(OTHER)
        assert len(await sayso.journal("policy_activated")) == 2
