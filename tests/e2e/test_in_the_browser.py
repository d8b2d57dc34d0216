"""In front of the screen: the real process, its inbox in a real Chromium, and `sayso ask` as a host runs it."""

from __future__ import annotations

import asyncio
import json
import stat
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from browser.chromium import complaints, launch, listening
from fakes.slack import FakeSlack
from service import ServiceProcess

ASK = ("ask", "payments.refund", "--params", '{"order": "A-1041", "amount": 750}', "--summary", "It arrived broken")

POLICY = """
channels:
  payments: slack:C0PAYMENTS
approvers:
  finance: [email:ana@example.com, email:ben@example.com]
rules:
  - name: refunds
    action: payments.refund
    ask: {channel: payments, approvers: finance, quorum: 2, timeout: 30m}
"""


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        yield browser
        await browser.close()


@asynccontextmanager
async def _served(folder: Path, environ: Mapping[str, str] | None = None) -> AsyncIterator[ServiceProcess]:
    """`sayso serve`, started and ended beside this loop, because a stand-in may have to answer it meanwhile."""
    process = ServiceProcess(folder, environ)
    try:
        await asyncio.to_thread(process.start)
        yield process
    finally:
        await asyncio.to_thread(process.__exit__, None, None, None)


class Screen:
    """A service, the people who look at its inbox, and the agents that wait in a shell."""

    def __init__(self, service: ServiceProcess, browser: Browser, key: str) -> None:
        self.service = service
        self.key = key
        self._browser = browser
        self._ending = AsyncExitStack()
        self._heard: list[list[str]] = []

    async def link(self, person: str) -> str:
        """A sign-in link as whoever runs Sayso makes it; the file is for its owner alone."""
        file = self.service.folder / f"{person}-{len(self._heard)}.link"
        command = ("inbox", "link", "--person", f"{person}@example.com", "--name", person.title(), "--out", str(file))
        made = await asyncio.to_thread(self.service.run, *command)
        assert made.returncode == 0, made.stderr
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        link = file.read_text().strip()
        assert link not in made.stdout + made.stderr
        return link

    def operators_link(self) -> str:
        return (self.service.folder / "d" / "sign-in-link").read_text().strip()

    async def page(self) -> Page:
        """A page in a fresh profile. What goes wrong on it fails the test."""
        context = await self._browser.new_context(viewport={"width": 1280, "height": 800})
        self._ending.push_async_callback(context.close)
        context.set_default_timeout(15_000)
        page = await context.new_page()
        self._heard.append(complaints(page))
        return page

    async def signed_in(self, link: str) -> Page:
        """Somebody's list, kept up to date, with a mark on it that a reload would wipe out."""
        page = await self.page()
        await page.goto(link)
        await page.wait_for_url("**/inbox")
        await listening(page)
        await page.evaluate("window.stayed = true")
        return page

    async def asks(self, *more: str) -> Process:
        """`sayso ask`, which waits."""
        child = await asyncio.create_subprocess_exec(
            *self.service.command(*ASK, *more),
            env=self.service.environ | {"SAYSO_URL": self.service.url, "SAYSO_KEY": self.key},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )
        self._ending.push_async_callback(_ended, child)
        return child

    async def close(self) -> None:
        await self._ending.aclose()
        assert [text for heard in self._heard for text in heard] == []


@asynccontextmanager
async def _screen(browser: Browser, folder: Path, environ: Mapping[str, str] | None = None) -> AsyncIterator[Screen]:
    async with _served(folder, environ) as service:
        screen = Screen(service, browser, await service.key("refund-bot"))
        try:
            yield screen
        finally:
            await screen.close()


@pytest.fixture
async def screen(chromium: Browser, tmp_path: Path) -> AsyncIterator[Screen]:
    """Without a policy: whoever signed in may answer."""
    async with _screen(chromium, tmp_path) as made:
        yield made


async def test_a_denial_reaches_the_waiting_command_with_its_reason(screen: Screen) -> None:
    ana = await screen.signed_in(await screen.link("ana"))
    asking = await screen.asks()
    await ana.get_by_role("link", name="payments.refund").click()
    await expect(ana.locator("#params")).to_contain_text("A-1041")
    await ana.get_by_label("Reason").fill("Not this customer, see ticket 12")
    await ana.get_by_role("button", name="Deny").click()
    await expect(ana.get_by_role("heading", name="Denied by Ana")).to_be_visible()

    code, out, err = await _end_of(asking)
    assert code == 3
    assert "denied: payments.refund" in out
    assert "Ana denied in inbox: Not this customer, see ticket 12" in out
    assert "is waiting for" in err


async def test_an_approval_reaches_the_waiting_command_and_every_open_page(screen: Screen) -> None:
    ana, operator = await screen.signed_in(await screen.link("ana")), await screen.signed_in(screen.operators_link())
    asking = await screen.asks()
    row = operator.locator(".row").first
    await expect(row).to_contain_text("payments.refund")
    await expect(operator).to_have_title("(1) Waiting · Sayso")
    await ana.get_by_role("link", name="payments.refund").click()
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.get_by_role("heading", name="Approved by Ana")).to_be_visible()

    code, out, _ = await _end_of(asking)
    assert code == 0
    assert "Ana approved in inbox" in out
    await expect(row).to_contain_text("Approved by Ana")
    await expect(operator).to_have_title("Waiting · Sayso")
    assert await operator.evaluate("window.stayed")


async def test_what_is_decided_elsewhere_shows_on_an_open_page(screen: Screen) -> None:
    ana = await screen.signed_in(await screen.link("ana"))
    agent = httpx.AsyncClient(
        base_url=screen.service.url, headers={"Authorization": f"Bearer {screen.key}"}, trust_env=False
    )
    async with agent:
        for_shell, for_agent = [await _asked(agent) for _ in range(2)]
        await ana.goto(f"{screen.service.url}/inbox/requests/{for_shell}")
        await listening(ana)
        command = ("decide", for_shell, "deny", "--reason", "Twice already")
        decided = await asyncio.to_thread(screen.service.run, *command)
        assert decided.returncode == 0, decided.stderr
        await expect(ana.get_by_role("heading", name="Denied by Operator")).to_be_visible()
        await expect(ana.locator("#decide")).to_contain_text("Twice already")

        await ana.goto(f"{screen.service.url}/inbox/requests/{for_agent}")
        await listening(ana)
        assert (await agent.post(f"/v1/requests/{for_agent}/cancel")).status_code == 200
        await expect(ana.get_by_role("heading", name="Cancelled by the agent")).to_be_visible()
        await expect(ana.get_by_role("button", name="Approve")).to_have_count(0)


async def test_a_tap_in_slack_and_one_in_the_browser_are_two_of_two(chromium: Browser, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    async with FakeSlack() as slack:
        slack.add_user("U0BEN", name="Ben", email="ben@example.com")
        slack.add_channel("C0PAYMENTS", members=["U0BEN"])
        environ = {**slack.settings(), "SAYSO_POLICY": str(tmp_path / "policy.yaml")}
        async with _screen(chromium, tmp_path, environ) as screen:
            asking = await screen.asks()
            card = await slack.posted()
            ana = await screen.signed_in(await screen.link("ana"))
            await ana.get_by_role("link", name="payments.refund").click()
            await expect(ana.locator("#about")).to_contain_text("0 of 2 approvals")
            await listening(ana)
            await ana.get_by_label("Reason").fill("I am still wri")

            await slack.tap(screen.service.url, card, "approve", user="U0BEN")
            await expect(ana.locator("#about")).to_contain_text("Ben approved")
            await expect(ana.locator("#about")).to_contain_text("1 of 2 approvals")
            await expect(ana.get_by_label("Reason")).to_have_value("I am still wri")
            await ana.get_by_role("button", name="Approve").click()

            assert (await _end_of(asking))[0] == 0
            await slack.changed(card, since=1)
            assert "Approved by Ben and Ana" in card.words


async def test_a_page_survives_a_kill_of_the_service(screen: Screen) -> None:
    """It says that it is cut off, reads what happened meanwhile, and goes on, without a reload."""
    ana = await screen.signed_in(await screen.link("ana"))
    asking = await screen.asks()
    row = ana.locator(".row").first
    await expect(row).to_contain_text("payments.refund")

    screen.service.kill()
    await expect(ana.get_by_text("Connection lost. Reconnecting.")).to_be_visible()
    decided = await asyncio.to_thread(_decide_first, screen.service)
    assert decided == 0
    await asyncio.to_thread(screen.service.start)

    await expect(ana.locator("#connection")).to_be_hidden()
    await expect(row).to_contain_text("Approved by Operator")
    await screen.asks()
    await expect(ana.get_by_role("button", name="1 new request – show")).to_be_visible()
    assert await ana.evaluate("window.stayed")
    assert (await _end_of(asking))[0] == 0


async def test_a_link_works_once_and_signing_out_ends_the_session(screen: Screen) -> None:
    link = await screen.link("ana")
    ana = await screen.signed_in(link)
    eve = await screen.page()
    await eve.goto(link)
    await expect(eve.get_by_role("heading", name="This link has been used or has expired")).to_be_visible()
    await eve.goto(f"{screen.service.url}/")
    await expect(eve.get_by_role("heading", name="You are not signed in")).to_be_visible()

    listed = await asyncio.to_thread(screen.service.run, "inbox", "sessions")
    assert "ana@example.com" in listed.stdout
    await ana.get_by_role("button", name="Sign out").click()
    await expect(ana.get_by_role("heading", name="You are not signed in")).to_be_visible()
    await ana.goto(f"{screen.service.url}/inbox/history")
    await expect(ana.get_by_role("heading", name="You are not signed in")).to_be_visible()
    listed = await asyncio.to_thread(screen.service.run, "inbox", "sessions")
    assert "Nobody is signed in" in listed.stdout


async def test_the_operator_is_told_which_line_of_the_policy_would_admit_them(
    chromium: Browser, tmp_path: Path
) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY.replace("slack:C0PAYMENTS", "inbox"))
    async with _screen(chromium, tmp_path, {"SAYSO_POLICY": str(tmp_path / "policy.yaml")}) as screen:
        await screen.asks()
        operator = await screen.signed_in(screen.operators_link())
        row = operator.locator("#others .row")
        line = "“finance: [operator, email:ana@example.com, email:ben@example.com]” under approvers"
        await expect(row).to_contain_text(line)
        await expect(row).not_to_contain_text("not counted")
        await row.get_by_role("link").click()
        await expect(operator.get_by_role("heading", name="Not yours to decide")).to_be_visible()
        await expect(operator.locator("#decide")).to_contain_text(line)
        await expect(operator.get_by_role("button", name="Approve")).to_have_count(0)


async def _asked(agent: httpx.AsyncClient) -> str:
    answer = await agent.post("/v1/requests", json={"action": "payments.refund", "params": {"amount": 12}})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _end_of(asking: Process) -> tuple[int | None, str, str]:
    out, err = await asyncio.wait_for(asking.communicate(), 15)
    return asking.returncode, out.decode(), err.decode()


async def _ended(child: Process) -> None:
    if child.returncode is None:
        child.terminate()
        await child.communicate()


def _decide_first(service: ServiceProcess) -> int:
    """Approve what is pending from a shell, which needs Redis and no service."""
    listed = service.run("requests", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    [pending] = json.loads(listed.stdout)["items"]
    return service.run("decide", pending["id"], "approve").returncode
