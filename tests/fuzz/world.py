"""The service that is fuzzed: `sayso serve` as a process, stand-ins for the chats, keys of an agent and of an admin's
program, sessions of an approver and of an admin. Slack is a workspace that has installed the app.

`World.known` holds what the cases' names stand for. `check` says whether the service still does its work: it lives,
has logged no error, takes a good request, and has not grown. `set_right` undoes what admins' calls have done to that.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from fakes.slack import TEAM, FakeSlack
from fakes.slack_oauth import Browser, FakeSlackApp
from fakes.teams import FakeTeams
from fakes.teams_limits import Rates
from fuzz.case import SIGNING_SECRET, Case
from fuzz.mutation import MARKUP
from fuzz.oauth_calls import BEGUN
from fuzz.teams_calls import ANA, CHANNEL, furnish
from fuzz.wire import Exchange, exchange
from redis_server import RedisServer
from sayso_adapters.slack.links import make_link
from sayso_bot.opening import opened_book, shelves
from sayso_bot.ports import Shelf
from sayso_bot.settings import Settings
from sayso_bot.telemetry import logger
from service import ServiceProcess

PERSON, KEEPER = "ana@example.com", "olga@example.com"
POLICY = f"""
channels: {{inbox: inbox, deploys: slack:C0PAYMENTS, payments: "teams:{CHANNEL}"}}
approvers: {{finance: [email:{PERSON}]}}
admins: [email:{KEEPER}]
rules:
  - {{action: denied.*, deny: Never.}}
  - {{action: slack.*, ask: {{channel: deploys, approvers: finance, timeout: 30m}}}}
  - {{action: teams.*, ask: {{channel: payments, approvers: finance, timeout: 30m}}}}
  - action: checked.*
    params: {{amount: number, order: string, tags: list?, note: string?}}
    when: params.amount > 500 && claims.summary != ''
    ask: {{channel: inbox, approvers: finance, quorum: 1, reason: deny, timeout: 1h}}
  - {{action: handover.*, ask: {{channel: inbox, approvers: finance, forms: true, editable: [action], timeout: 1h}}}}
  - {{action: "*", ask: {{channel: inbox, approvers: finance, timeout: 24h}}}}
"""
TRIES = 3
GROWTH_KIB = 96 * 1024
WRONG_IN_LOG = re.compile(rb'"level": ?"(error|critical)"|Traceback|^(?!\{)', re.MULTILINE)


class World:
    """``known`` changes as cards are decided and the session ends; call `refresh` now and then."""

    def __init__(
        self, process: ServiceProcess, app: FakeSlackApp, teams: FakeTeams, shelf: Shelf, *, key: str, admin_key: str
    ) -> None:
        self.process = process
        self.app = app
        self._shelf = shelf
        self.slack: FakeSlack = app.members[TEAM]
        self.teams = teams
        self.known: dict[bytes, bytes] = {
            b"__PORT__": str(process.port).encode(),
            b"__KEY__": key.encode(),
            b"__ADMIN_KEY__": admin_key.encode(),
            SIGNING_SECRET: self.slack.signing_secret.encode(),
            b"__CONNECTOR__": teams.service_url.encode(),
            b"__TEAMS_TOKEN__": teams.bearer(service_url=teams.service_url).encode(),
        }
        self._agent, self._admin = (
            httpx.AsyncClient(
                base_url=process.url, headers={"Authorization": f"Bearer {secret}"}, trust_env=False, timeout=20
            )
            for secret in (key, admin_key)
        )
        self._read_of_log = 0
        self._links = 0

    async def send(self, case: Case) -> Exchange:
        return await exchange(self.process.port, case.bytes_to_send(self.known), whole=case.whole)

    async def refresh(self) -> None:
        """A pending request, a settled one, a decision with a file, a card in each chat, and sessions that live."""
        self.known[b"__PENDING__"] = await self._asked("payments.refund")
        self.known[b"__SETTLED__"] = await self._asked("denied.x")
        await self._decision()
        if b"__BUTTON__" not in self.known:
            await self._asked("slack.deploy")
            button = (await self.slack.posted()).button("approve") or {}
            self.known[b"__BUTTON__"] = str(button["value"]).encode()
        if b"__TEAMS_BUTTON__" not in self.known:
            await self.teams.install(self.process.url, CHANNEL, user=ANA)
            await self._asked("teams.deploy")
            button = (await self.teams.posted()).button("approve") or {}
            self.known[b"__TEAMS_BUTTON__"] = str(button["data"]["token"]).encode()
        for person, of in ((PERSON, b""), (KEEPER, b"ADMIN_")):
            if not await self._is_signed_in(of):
                await self._sign_in(person, of)

    async def set_right(self) -> None:
        """Nothing is paused but an agent that is none, the policy is `POLICY`, and a key is there that nobody needs.

        Routes and names of channels stay: wherever a good request is asked, it is pending.
        """
        for pause in (await self._admin.get("/v1/admin/pauses")).json()["items"]:
            await self._admin.delete(f"/v1/admin/pauses/{pause['id']}")
        paused = await self._admin.post("/v1/admin/pauses", json={"agent": "spare", "confirm": True})
        self.known[b"__PAUSE__"] = paused.json()["id"].encode()
        if (await self._admin.get("/v1/admin/policy")).json()["document"] != POLICY:
            put = await self._admin.put("/v1/admin/policy", json={"document": POLICY}, headers={"If-Match": "*"})
            assert put.status_code == 200, put.text
        if await self._is_spent(self.known.get(b"__SPARE__", b"").decode()):
            made = await self._admin.post("/v1/admin/keys", json={"name": "spare"})
            self.known[b"__SPARE__"] = made.json()["key"]["id"].encode()
        await self._begin_installations()
        routes = await self._admin.get("/v1/admin/routes")
        self.known[b"__ROUTES__"] = routes.headers["ETag"].strip('"').partition("-")[2].encode()

    async def works(self) -> str | None:
        """What is wrong with how a good request is answered, or None."""
        try:
            made = await self._agent.post("/v1/requests", json={"action": "payments.refund", "params": {"a": 1}})
            read = await self._agent.get(f"/v1/requests/{made.json()['id']}")
        except (httpx.HTTPError, KeyError, ValueError) as error:
            return f"a good request failed: {error!r}"
        if (made.status_code, read.status_code, read.json().get("status")) != (201, 200, "pending"):
            return f"a good request was answered {made.status_code} and {read.status_code}: {read.text[:300]}"
        return None

    def new_log_trouble(self) -> str | None:
        """The first line of the log since the last look that is an error, a traceback, or no line of ours."""
        with self.process.log.open("rb") as log:
            log.seek(self._read_of_log)
            new = log.read()
        self._read_of_log += len(new)
        found = WRONG_IN_LOG.search(new.rstrip(b"\n")) if new.strip() else None
        return new[new.rfind(b"\n", 0, found.start()) + 1 :][:3000].decode(errors="replace") if found else None

    def pass_over_log(self) -> None:
        """What was said until now, as the sentences at the start, is of no interest."""
        self._read_of_log = self.process.log.stat().st_size

    def memory_kib(self) -> int:
        """Resident memory of the service's process."""
        told = subprocess.run(["ps", "-o", "rss=", "-p", str(self._pid())], capture_output=True, text=True, check=True)
        return int(told.stdout)

    def lives(self) -> bool:
        return not self.process.ended

    async def close(self) -> None:
        await self._agent.aclose()
        await self._admin.aclose()

    def _pid(self) -> int:
        assert self.process._child is not None
        return self.process._child.pid

    async def _asked(self, action: str) -> bytes:
        claims = {"summary": f"{MARKUP}\n\u202e*_`<!channel>", "reasoning": MARKUP, "metadata": {MARKUP: MARKUP}}
        ask = {"action": action, "params": {MARKUP: [MARKUP, {"a": "\u200b\u2028"}]}, **claims, "diff": f"-{MARKUP}"}
        made = await self._agent.post("/v1/requests", json=ask)
        assert made.status_code == 201, made.text
        return str(made.json()["id"]).encode()

    async def install(self) -> None:
        """Connect the workspace, as a person does with a link of the operator's."""
        self.app.consents(TEAM)
        [link] = await self._install_links(1)
        status, page, _ = await Browser().open(link)
        assert status == 200, page

    async def _begin_installations(self) -> None:
        """Links that were opened, each in a browser of its own, and a code that Slack has given nobody yet."""
        self.known[b"__CODE__"] = self.app.code(TEAM).encode()
        async with httpx.AsyncClient(trust_env=False) as browser:
            for number, link in enumerate(await self._install_links(BEGUN)):
                begun = await browser.get(link)
                self.known[b"__LINK_%d__" % number] = link.partition("link=")[2].encode()
                self.known[b"__STATE_%d__" % number] = begun.headers["Location"].rpartition("state=")[2].encode()
                self.known[b"__BROWSER_%d__" % number] = begun.cookies[f"sayso-install-{self.process.port}"].encode()

    async def _install_links(self, count: int) -> list[str]:
        return [await make_link(self._shelf, self.process.url, workspace=TEAM) for _ in range(count)]

    async def _decision(self) -> None:
        """One that Ana may edit, that asks her for files, and that has a file of the agent's."""
        asked = {"action": f"Send {MARKUP}", "approver": PERSON, "response_type": {"type": "file_upload"}}
        made = await self._agent.post("/handover/decisions", json=asked)
        assert made.status_code == 201, made.text
        decision = str(made.json()["id"])
        files = {"file": ("report.pdf", b"%PDF-1.4", "application/pdf")}
        kept = await self._agent.post(f"/handover/decisions/{decision}/attachments", files=files)
        assert kept.status_code == 201, kept.text
        self.known[b"__DECISION__"] = decision.encode()
        self.known[b"__FILE__"] = str(kept.json()["attachments"][0]["url"]).rpartition("/")[2].encode()

    async def _is_spent(self, key_id: str) -> bool:
        """Whether a key is unknown, revoked or to lapse. The keys that are valid are on the first pages."""
        keys = (await self._admin.get("/v1/admin/keys", params={"limit": 100})).json()["items"]
        return not any(key["id"] == key_id and not (key["revoked_at"] or key["lapses_at"]) for key in keys)

    async def _is_signed_in(self, of: bytes) -> bool:
        if b"__%bCOOKIE__" % of not in self.known:
            return False
        cookie = f"sayso-{self.process.port}={self.known[b'__%bCOOKIE__' % of].decode()}"
        return (await self._agent.get("/inbox/help", headers={"Cookie": cookie})).status_code == 200

    async def _sign_in(self, person: str, of: bytes) -> None:
        self._links += 1
        file = self.process.folder / f"link-{self._links}"
        made = await asyncio.to_thread(self.process.run, "inbox", "link", "--person", person, "--out", str(file))
        assert made.returncode == 0, made.stderr
        token = file.read_text().strip().partition("#")[2]
        async with httpx.AsyncClient(base_url=self.process.url, trust_env=False) as browser:
            await browser.post("/inbox/session", data={"token": token}, headers={"Origin": self.process.url})
            page = await browser.get("/inbox/help")
            csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
            assert csrf, page.text
            self.known[b"__%bCOOKIE__" % of] = browser.cookies[f"sayso-{self.process.port}"].encode()
            self.known[b"__%bCSRF__" % of] = csrf[1].encode()


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[World]:
    policy = folder / "policy.yaml"
    policy.write_text(POLICY)
    async with RedisServer() as redis, FakeSlackApp() as app, FakeTeams() as teams:
        slack = app.add_workspace(TEAM)
        slack.add_user("U0ANA", name="Ana", email=PERSON)
        slack.add_user("U0OLGA", name="Olga", email=KEEPER)
        slack.add_channel("C0PAYMENTS", members=["U0ANA"])
        furnish(teams)
        teams.sends = teams.reads = Rates(())
        environ = {
            **app.settings(),
            **teams.settings(),
            "SAYSO_REDIS_URL": redis.url,
            "SAYSO_SECRET": "A" * 43 + "=",
            "SAYSO_POLICY": str(policy),
            "SAYSO_LOG_FORMAT": "json",
        }
        process = await asyncio.to_thread(_started, folder, environ)
        try:
            async with _shelf_of_slack(process) as shelf:
                admin_key = await process.key("keeper", kinds=frozenset({"admin"}))
                world = World(process, app, teams, shelf, key=await process.key("refunder"), admin_key=admin_key)
                try:
                    await world.install()
                    await world.refresh()
                    await world.set_right()
                    world.pass_over_log()
                    yield world
                finally:
                    await world.close()
        finally:
            await asyncio.to_thread(_ended, process)


@asynccontextmanager
async def _shelf_of_slack(process: ServiceProcess) -> AsyncIterator[Shelf]:
    settings, log = Settings.load(process.environ), logger("fuzz")
    async with opened_book(settings, log) as book:
        yield shelves(settings, book.client, log)("slack")


def _started(folder: Path, environ: dict[str, str]) -> ServiceProcess:
    """A service that listens. A port that was free may be taken by the time that the service wants it."""
    for _ in range(TRIES):
        process = ServiceProcess(folder, environ)
        try:
            process.start()
            return process
        except AssertionError:
            if "is taken by another program" not in process.log.read_text():
                raise
    raise AssertionError(f"{TRIES} free ports were taken")


def _ended(process: ServiceProcess) -> None:
    """End it, and kill it where it hangs: what it hangs at was found already."""
    if not process.ended:
        try:
            process.end()
        except subprocess.TimeoutExpired:
            process.kill()
