"""Make the pictures of the README (`make pictures`): the real service, a real agent's call, a real browser.

The inbox is photographed as it is. Slack's part is played by the stand-in of the tests, and its cards are drawn from
the blocks that the service posted to it. Cards of Teams are drawn from one of each kind (`unit.teams.teams_gallery`).
Needs a Chromium, and Node for the cards.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import adaptive_cards  # noqa: E402
import block_kit  # noqa: E402

from browser.chromium import launch, listening  # noqa: E402
from fakes.slack import FakeSlack  # noqa: E402
from fakes.slack_surfaces import command, deliver, home_opened  # noqa: E402
from sayso_bot.telemetry import configure_logs  # noqa: E402
from service import Sayso, serving, until  # noqa: E402
from unit.teams.teams_gallery import gallery  # noqa: E402

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}

POLICY = """
channels:
  payments: slack:C0PAYMENTS
  ops: slack:C0OPS
approvers:
  finance: [email:ana@example.com, email:ben@example.com]
  platform: [email:dev@example.com]
admins: [email:olga@example.com]
rules:
  - name: large refunds
    action: payments.refund
    params: {amount: number}
    when: params.amount > 500
    ask: {channel: payments, approvers: finance, quorum: 2, timeout: 30m}
  - name: refunds
    action: payments.refund
    ask: {channel: payments, approvers: finance, timeout: 2h}
  - name: credits
    action: payments.credit
    ask: {channel: payments, approvers: finance, timeout: 2h, editable: [amount], reason: deny}
  - name: mailing lists
    action: list.*
    ask: {channel: payments, approvers: finance, timeout: 1h, digest: true}
  - name: databases
    action: db.drop
    ask: {channel: payments, approvers: finance, timeout: 1h, confirm: type, reason: always}
  - name: hiring
    action: people.hire
    ask: {channel: payments, approvers: finance, timeout: 2d, forms: true}
  - name: deployments
    action: deploy.*
    ask: {channel: inbox, approvers: platform, timeout: 1h}
  - name: letters to customers
    action: mail.*
    ask: {channel: inbox, approvers: finance, reason: deny, timeout: 45m}
"""
SMALL = {
    "action": "payments.refund",
    "params": {"order": "A-1041", "amount": 129.95, "currency": "EUR", "customer": "Marta Lind"},
    "summary": "The parcel arrived broken; the customer sent a picture of it.",
}
LARGE = {
    "action": "payments.refund",
    "params": {
        "order": "A-0987",
        "amount": 1840,
        "currency": "EUR",
        "customer": {"name": "Holm & Sons", "since": "2019-04-02"},
    },
    "summary": "The espresso machine arrived dented, and the customer sent it back.",
    "reasoning": "The return label was scanned at the depot, 19 days after the order.",
}
LETTER = {
    "action": "mail.send",
    "params": {"to": "press@daily.example", "subject": "Re: outage on Sunday", "words": 212},
    "summary": "Answer the journalist with the text that the team agreed on.",
}
DROP = {
    "action": "db.drop",
    "params": {"database": "orders-staging", "host": "db3"},
    "summary": "The staging copy is rebuilt from last night's backup.",
}
HIRE = {
    "action": "people.hire",
    "params": {"name": "Marta Lind", "role": "Support engineer"},
    "summary": "Three interviews went well; the offer is drafted.",
    "form": {
        "fields": [
            {"name": "level", "type": "choose", "label": "Which level?", "options": ["junior", "senior"]},
            {"name": "start", "type": "date", "label": "First day"},
            {"name": "salary", "type": "number", "label": "Salary per year, in EUR", "min": 30000, "max": 120000},
            {"name": "note", "type": "text", "label": "Anything for the letter?", "required": False},
        ]
    },
}
CREDIT = {**SMALL, "action": "payments.credit"}
LINE = "we are sorry that the parcel arrived broken, and have sent you the money back."
LONG = {
    "action": "payments.refund",
    "params": {"order": "A-1099", "amount": 80, "letter": "\n".join(["Dear Ms Lind,", *([LINE] * 42), "Yours, Sayso"])},
    "summary": "The letter goes with the money.",
}
DEPLOYMENT = {"action": "deploy.production", "params": {"service": "checkout", "version": "4.12.0"}}


async def main() -> None:
    configure_logs("console", "WARNING")
    block_kit.bundle()
    adaptive_cards.bundle()
    async with async_playwright() as playwright, FakeSlack() as slack:
        slack.add_user("U0ANA", name="Ana", email="ana@example.com")
        slack.add_user("U0BEN", name="Ben", email="ben@example.com")
        slack.add_user("U0OLGA", name="Olga", email="olga@example.com")
        slack.add_channel("C0PAYMENTS", members=["U0ANA", "U0BEN"])
        slack.add_channel("C0OPS", members=["U0ANA", "U0OLGA"])
        browser = await launch(playwright)
        async with serving(policy=POLICY, environ=slack.settings()) as sayso:
            await _small_refund(sayso, slack, browser)
            await _large_refund(sayso, slack, browser)
            await _waiting(sayso, browser)
            await _dialogs(sayso, slack, browser)
            await _home(sayso, slack, browser)
            await _admin(sayso, slack, browser)
        await adaptive_cards.pictures(browser, gallery(), HERE)
        await browser.close()


async def _small_refund(sayso: Sayso, slack: FakeSlack, browser: Browser) -> None:
    """One tap in Slack decides."""
    await _ask(sayso, "refund-bot", SMALL)
    card = await slack.posted()
    await block_kit.picture(browser, card.blocks, HERE / "slack-card.png")
    await slack.tap(sayso.url, card, "approve", user="U0ANA")
    await slack.changed(card)
    await block_kit.picture(browser, card.blocks, HERE / "slack-card-decided.png")


async def _large_refund(sayso: Sayso, slack: FakeSlack, browser: Browser) -> None:
    """Two are needed: Ben approved in Slack, and Ana looks at it in the inbox."""
    asked = await _ask(sayso, "refund-bot", LARGE)
    card = await slack.posted()
    await slack.tap(sayso.url, card, "approve", user="U0BEN")
    await slack.changed(card)
    async with _signed_in(sayso, browser, "Ana", viewport=DESK, color_scheme="light") as page:
        await _photograph(page, f"{sayso.url}/inbox/requests/{asked}", "inbox-request.png")
    async with _signed_in(sayso, browser, "Ana", viewport=PHONE, color_scheme="dark") as page:
        await _photograph(page, f"{sayso.url}/inbox/requests/{asked}", "inbox-phone.png")


async def _dialogs(sayso: Sayso, slack: FakeSlack, browser: Browser) -> None:
    """What opens when more than a tap is wanted."""
    for name, body, button in (
        ("confirm", DROP, "approve"),
        ("form", HIRE, "approve"),
        ("reason", CREDIT, "deny"),
        ("edit", CREDIT, "edit"),
        ("review", LONG, "review"),
    ):
        await _ask(sayso, "refund-bot", body)
        card = await slack.posted()
        await slack.tap(sayso.url, card, button, user="U0ANA")
        await block_kit.dialog(browser, slack.dialogs[-1].view, HERE / f"slack-dialog-{name}.png")
        slack.dialogs[-1].open = False
        if name == "review":
            await block_kit.picture(browser, card.blocks, HERE / "slack-card-review.png")


async def _home(sayso: Sayso, slack: FakeSlack, browser: Browser) -> None:
    """The Home tab of somebody for whom something waits, and a burst that is one message."""
    for number in range(4):
        await _ask(sayso, "mail-bot", {"action": "list.clean", "params": {"list": f"spring-{number + 1}", "rows": 120}})
    listing = await slack.posted()
    await until(lambda: "spring-4" in listing.words)
    await block_kit.picture(browser, listing.blocks, HERE / "slack-list.png")
    await deliver(sayso.url, home_opened("U0ANA", team=slack.team), slack.signed)
    await until(lambda: "U0ANA" in slack.homes)
    await block_kit.home(browser, slack.homes["U0ANA"], HERE / "slack-home.png")


async def _admin(sayso: Sayso, slack: FakeSlack, browser: Browser) -> None:
    """An admin routes refunds elsewhere in Slack, looks at everything in the inbox, and pauses."""
    await _ask(sayso, "refund-bot", {**SMALL, "params": {"order": "A-1102", "amount": 12, "currency": "EUR"}})
    card = await slack.posted()
    opened = len(slack.dialogs)
    await _typed(sayso, slack, "route payments.refund to ops for 4h because payments is at the fair")
    await slack.until_called("views.update", count=1)
    await block_kit.dialog(browser, slack.dialogs[opened].view, HERE / "slack-dialog-route.png")
    await slack.submit(sayso.url, slack.dialogs[opened], user="U0OLGA")
    await until(lambda: len(sayso.service.configuration.routing.routes) == 1)
    async with _signed_in(sayso, browser, "Olga", viewport=DESK, color_scheme="light") as page:
        await _photograph(page, f"{sayso.url}/inbox/admin", "inbox-admin.png")
    admin = await sayso.agent("terraform", kinds=frozenset({"admin"}))
    paused = await admin.post("/v1/admin/pauses", json={"action": "payments.*", "reason": "an audit until five"})
    paused.raise_for_status()
    await until(lambda: "Paused by" in card.words)
    await block_kit.picture(browser, card.blocks, HERE / "slack-card-paused.png")


async def _typed(sayso: Sayso, slack: FakeSlack, text: str) -> None:
    payload = {**command(text, user="U0OLGA", team=slack.team), "trigger_id": slack.trigger("U0OLGA")}
    await deliver(sayso.url, payload, slack.signed)


async def _waiting(sayso: Sayso, browser: Browser) -> None:
    await _ask(sayso, "press-desk", LETTER)
    await _ask(sayso, "release-bot", DEPLOYMENT)
    async with _signed_in(sayso, browser, "Ana", viewport=DESK, color_scheme="light") as page:
        await _photograph(page, f"{sayso.url}/inbox", "inbox-waiting.png")


async def _ask(sayso: Sayso, name: str, body: dict[str, Any]) -> str:
    agent = await sayso.agent(name)
    answer = await agent.post("/v1/requests", json=body)
    answer.raise_for_status()
    found: str = answer.json()["id"]
    return found


@asynccontextmanager
async def _signed_in(sayso: Sayso, browser: Browser, name: str, **looks: Any) -> AsyncIterator[Page]:
    """A page of somebody's, signed in by a link as people are."""
    link = sayso.service.sign_in_link
    if link is None:
        raise SystemExit("The inbox gave no sign-in link.")
    context = await browser.new_context(locale="en-GB", timezone_id="UTC", **looks)
    page = await context.new_page()
    await page.goto(await link(f"email:{name.lower()}@example.com", name))
    await page.wait_for_url("**/inbox")
    yield page
    await context.close()


async def _photograph(page: Page, address: str, name: str) -> None:
    await page.goto(address)
    await listening(page)
    await page.screenshot(path=HERE / name)


if __name__ == "__main__":
    asyncio.run(main())
