"""The operator's commands in processes of their own, beside the running service and without one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes.slack import FakeSlack
from redis_server import RedisServer
from sayso_bot.domain.person import Person
from service import ServiceProcess, serving, until

SECRET = "A" * 43 + "="
GROUP_AND_OPERATOR = """
channels: {payments: "slack:C0PAYMENTS"}
people: {owner: [operator, "email:owner@example.com"]}
rules:
  - action: pay
    ask: {channel: payments, approvers: [operator, "slack:S0FINANCE"], quorum: 2}
"""
ADDRESS_AND_OPERATOR = """
people: {owner: [operator, "email:owner@example.com"]}
rules:
  - action: pay
    ask: {channel: inbox, approvers: [operator, "email:ana@example.com"], quorum: 2}
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ServiceProcess]:
    with ServiceProcess(tmp_path) as process:
        yield process


def _key(process: ServiceProcess, name: str = "shop") -> Any:
    made = process.run("keys", "create", name, "--json")
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)


@contextmanager
def _begun(process: ServiceProcess, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on while the test does something else."""
    environ = process.environ | {"SAYSO_URL": process.url, "PYTHONUNBUFFERED": "1", **variables}
    pipe = subprocess.PIPE
    with subprocess.Popen(process.command(*arguments), env=environ, stdout=pipe, stderr=pipe, text=True) as child:
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()


def _line(stream: Any) -> str:
    found = stream.readline()
    assert found, "the command ended"
    return str(found)


def test_the_operators_no_ends_a_waiting_ask_with_its_reason_and_every_change_is_a_line(
    process: ServiceProcess,
) -> None:
    key = _key(process)
    with _begun(process, "requests", "watch") as watch, _begun(process, "requests", "watch", "--json") as machine:
        assert _line(watch.stderr) == "Watching. Ctrl-C ends it.\n"
        assert _line(machine.stderr) == "Watching. Ctrl-C ends it.\n"
        with _begun(process, "ask", "payments.refund", "--param", "amount=12", SAYSO_KEY=key["key"]) as ask:
            submitted = json.loads(_line(machine.stdout))
            request_id = submitted["request"]["id"]
            assert (submitted["change"], submitted["request"]["params"]) == ("submitted", {"amount": 12})
            listed = json.loads(process.run("requests", "list", "--json").stdout)["items"]
            assert [item["id"] for item in listed] == [request_id]
            decided = process.run("decide", request_id, "deny", "--reason", "Not today")
            assert (decided.returncode, decided.stdout) == (0, f"Denied: payments.refund ({request_id}).\n")
            out, _ = ask.communicate(timeout=20)
            assert ask.returncode == 3
            assert "Operator denied in cli: Not today" in out
        assert "submitted  " + request_id in _line(watch.stdout)
        assert _line(watch.stdout).endswith("Denied by Operator\n")
        for child in (watch, machine):
            child.send_signal(signal.SIGINT)
            _, err = child.communicate(timeout=20)
            assert (child.returncode, err) == (0, "")


def test_a_revoked_key_is_refused_by_the_running_service_at_once(process: ServiceProcess) -> None:
    key = _key(process)
    assert process.run("ask", "a", "--wait", "1s", SAYSO_KEY=key["key"]).returncode == 1
    assert process.run("keys", "revoke", key["id"]).returncode == 0
    refused = process.run("ask", "a", SAYSO_KEY=key["key"])
    assert refused.returncode == 6


def test_commands_work_on_the_data_folder_with_and_without_a_service(tmp_path: Path) -> None:
    process = ServiceProcess(tmp_path)
    key = _key(process)
    with process:
        assert [found["id"] for found in json.loads(process.run("keys", "list", "--json").stdout)] == [key["id"]]
        healthy = process.run("doctor")
        assert healthy.returncode == 0, healthy.stdout
        assert "held by a running Sayso service" in healthy.stdout
    assert process.run("keys", "revoke", key["id"]).returncode == 0
    alone = process.run("doctor", "--json")
    assert alone.returncode == 0
    checks = {check["name"]: check for check in json.loads(alone.stdout)["checks"]}
    assert (checks["service"]["state"], checks["data folder"]["state"]) == ("warning", "ok")


def test_there_is_nothing_to_watch_without_a_service(tmp_path: Path) -> None:
    refused = ServiceProcess(tmp_path).run("requests", "watch")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "Start one with: sayso serve" in refused.stderr


def test_commands_of_adapters_come_in_by_the_same_door(process: ServiceProcess, tmp_path: Path) -> None:
    made = process.run("inbox", "link", "--person", "ana@example.com", "--out", str(tmp_path / "link"))
    assert made.returncode == 0, made.stderr
    link = (tmp_path / "link").read_text()
    assert link.startswith(f"{process.url}/inbox/")
    assert stat.S_IMODE((tmp_path / "link").stat().st_mode) == 0o600
    assert "Nobody is signed in" in process.run("inbox", "sessions").stdout


def test_what_is_wrong_with_the_environment_is_said_without_a_traceback(tmp_path: Path) -> None:
    process = ServiceProcess(tmp_path)
    refused = process.run("keys", "list", SAYSO_REDIS_URL="http://localhost")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("SAYSO_REDIS_URL must begin with redis://")


async def _elsewhere(redis: RedisServer, slack: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    """A command in a shell that has the service's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SAYSO_", "SLACK_"))}
    environ = {**kept, "SAYSO_REDIS_URL": redis.url, "SAYSO_SECRET": SECRET, **slack}
    pipe = asyncio.subprocess.PIPE
    command = ServiceProcess.command(*arguments)
    child = await asyncio.create_subprocess_exec(*command, env=environ, stdout=pipe, stderr=pipe)
    out, err = await child.communicate()
    return child.returncode or 0, out.decode(), err.decode()


async def test_an_approval_from_slack_counts_beside_the_operators() -> None:
    async with FakeSlack() as slack, RedisServer() as redis:
        slack.add_user("U0ANA", name="Ana", email="ana@example.com")
        slack.add_channel("C0PAYMENTS", members=["U0ANA"])
        slack.add_group("S0FINANCE", members=["U0ANA"])
        async with serving(policy=GROUP_AND_OPERATOR, redis=redis, environ=slack.settings()) as sayso:
            agent = await sayso.agent()
            asked = (await agent.post("/v1/requests", json={"action": "pay", "params": {}})).json()
            await slack.tap(sayso.url, await slack.posted(), "approve", user="U0ANA")

            async def is_counted() -> bool:
                told = (await agent.get(f"/v1/requests/{asked['id']}")).json()
                return bool(told["approvals"]["have"])

            await until(is_counted)
            code, _, err = await _elsewhere(redis, {}, "decide", asked["id"], "approve")
            assert (code, "settings of slack" in err) == (1, True)

            code, out, err = await _elsewhere(redis, slack.settings(), "decide", asked["id"], "approve", "--json")
            assert (code, json.loads(out)["status"]) == (0, "approved"), err


async def test_an_approval_from_slack_is_checked_again_where_the_rule_names_nobody_of_slack() -> None:
    async with FakeSlack() as slack, RedisServer() as redis:
        slack.add_user("U0ANA", name="Ana", email="ana@example.com")
        async with serving(policy=ADDRESS_AND_OPERATOR, redis=redis, environ=slack.settings()) as sayso:
            agent = await sayso.agent()
            asked = (await agent.post("/v1/requests", json={"action": "pay", "params": {}})).json()
            ana = Person.known_as("Ana", {"slack:T0TEAM/U0ANA", "email:ana@example.com"})
            await sayso.vote(asked["id"], "approve", person=ana, surface="slack")
            slack.add_user("U0ANA", name="Ana", email="ana@example.com", deleted=True)
            code, _, err = await _elsewhere(redis, {}, "decide", asked["id"], "approve")
            assert (code, "settings of slack" in err) == (1, True)

            code, out, err = await _elsewhere(redis, slack.settings(), "decide", asked["id"], "approve", "--json")
            assert (code, json.loads(out)["status"]) == (0, "pending"), err


async def test_the_doctor_asks_each_platform() -> None:
    async with FakeSlack() as slack, RedisServer() as redis:
        code, out, err = await _elsewhere(redis, slack.settings(), "doctor", "--json")
        states = {check["name"]: check["state"] for check in json.loads(out)["checks"]}
        assert (states["slack token"], states["slack scopes"]) == ("ok", "ok"), err
        assert (code, states["slack address"]) == (1, "not ok")
        await slack.refuse_connections()
        _, out, _ = await _elsewhere(redis, slack.settings(), "doctor", "--json")
        states = {check["name"]: check["state"] for check in json.loads(out)["checks"]}
        assert states["slack token"] == "not ok"
