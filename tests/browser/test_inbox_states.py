"""Every state of the inbox, on a phone, a tablet and a desk, light and dark: axe finds nothing, nothing spills over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace
from playwright.async_api import Page, expect

from browser.axe import violations
from browser.chromium import VIEWS
from sayso_bot.domain.form import Field, Form
from sayso_bot.domain.json import Json
from sayso_bot.domain.request import Cause, Claims, Status, Urgency
from sayso_bot.testing.desk import nobody_can_say
from sayso_bot.testing.samples import a_file
from unit.inbox.inbox_service import Service

WORDS = Claims(summary="Refund it", reasoning="Because.\n" * 40, diff="+ a\n- b\n" * 300, metadata={"ticket": 1})
NAME = "platform.infrastructure.kubernetes.production-eu-west-1/namespaces/payments:rolling_restart_of_all_deployments"

ANA = "email:ana@example.com"
URGENCIES: tuple[Urgency, ...] = ("critical", "high")

Draw = Callable[[Service, Page], Awaitable[str]]


async def _empty(service: Service, page: Page) -> str:
    return "/inbox"


async def _one(service: Service, page: Page) -> str:
    service.ask(claims=WORDS)
    return "/inbox"


async def _urgent(service: Service, page: Page) -> str:
    for urgency in URGENCIES:
        request = service.ask(NAME, claims=Claims(urgency=urgency))
    return f"/inbox/requests/{request.id}"


async def _risky_row(service: Service, page: Page) -> str:
    service.ask(NAME, high_risk=True, claims=WORDS)
    return "/inbox"


async def _risky(service: Service, page: Page) -> str:
    return f"/inbox/requests/{service.ask(NAME, high_risk=True, quorum=2, claims=Claims(urgency='high')).id}"


async def _forty(service: Service, page: Page) -> str:
    for index in range(40):
        service.ask(minutes=5 + index, approvers=("email:ben@example.com",) if index % 4 else None)
    return "/inbox"


async def _request(service: Service, page: Page) -> str:
    return f"/inbox/requests/{service.ask(claims=WORDS, quorum=2, reason='always').id}"


async def _asking(service: Service, page: Page) -> str:
    options = tuple(f"An option of the agent's, number {number}" for number in range(12))
    form = Form(
        (
            Field("one", "choose", "Which window? " * 10, options=options),
            Field("some", "choose", "Regions", options=options, multiple=True),
            Field("note", "text", "N" * 150, required=False),
            *(Field(kind, kind, kind) for kind in ("number", "date", "time", "datetime")),
        )
    )
    return f"/inbox/requests/{service.ask(NAME, confirm=True, form=form, reason='always').id}"


FILES = Form((Field("papers", "files", "The signed papers, " * 7), Field("one", "files", "One", most_files=1)))


async def _asking_for_files(service: Service, page: Page) -> str:
    request = service.ask(form=FILES)
    service.desk.requests[request.id] = replace(
        request, files=tuple(a_file(number, by=ANA, field="papers") for number in range(5))
    )
    return f"/inbox/requests/{request.id}"


async def _forty_files(service: Service, page: Page) -> str:
    request = service.ask(form=FILES, claims=WORDS, approvers=("email:ben@example.com",))
    files = [a_file(number, by="refund-bot") for number in range(5)]
    files += [a_file(number, by=ANA, field="papers") for number in range(5, 40)]
    service.desk.requests[request.id] = replace(request, files=tuple(files))
    return f"/inbox/requests/{request.id}"


async def _edited(service: Service, page: Page) -> str:
    params: dict[str, Json] = {"customer.billing_address.street_line": "Averylongwordwithoutbreaks" * 30, "amount": 1}
    request = service.ask(NAME, params, editable=tuple(params))
    service.desk.requests[request.id] = replace(
        request, revision=2, original_params=params, params=dict.fromkeys(params, "Other" * 90)
    )
    return f"/inbox/requests/{request.id}"


async def _being_edited(service: Service, page: Page) -> str:
    path = await _edited(service, page)
    await page.goto(service.url + path)
    await page.locator("#edit summary").click()
    await page.locator("#edit_1").fill("\u200b")
    await page.get_by_role("button", name="Save the edit").click()
    await page.locator("#edit_1[aria-invalid=true]").wait_for()
    return f"{path}#edit-form"


async def _not_mine(service: Service, page: Page) -> str:
    return f"/inbox/requests/{service.ask(approvers=('email:ben@example.com',)).id}"


async def _unsure_row(service: Service, page: Page) -> str:
    service.ask(claims=WORDS)
    service.desk._admits = nobody_can_say
    return "/inbox"


async def _unsure(service: Service, page: Page) -> str:
    service.desk._admits = nobody_can_say
    return f"/inbox/requests/{service.ask(claims=WORDS, quorum=2, reason='always').id}"


async def _denied(service: Service, page: Page) -> str:
    request = service.ask()
    service.desk.end(request.id, Status.DENIED, Cause.POLICY)
    return f"/inbox/requests/{request.id}"


async def _long_name(service: Service, page: Page) -> str:
    params = {"customer.billing_address.street_line_one_with_number": "Averylongwordwithoutbreaks" * 12, "empty": ""}
    return f"/inbox/requests/{service.ask(NAME, params).id}"


async def _big(service: Service, page: Page) -> str:
    return f"/inbox/requests/{service.ask(params={'sql': 'select 1; ' * 10_000}).id}"


async def _big_whole(service: Service, page: Page) -> str:
    return f"{await _big(service, page)}?view=whole"


async def _history(service: Service, page: Page) -> str:
    for status, cause in (
        (Status.EXPIRED, Cause.TIMEOUT),
        (Status.CANCELLED, Cause.AGENT),
        (Status.DENIED, Cause.POLICY),
    ):
        service.desk.end(service.ask(NAME, claims=WORDS).id, status, cause)
    return "/inbox/history"


async def _no_history(service: Service, page: Page) -> str:
    return "/inbox/history?status=approved"


async def _help(service: Service, page: Page) -> str:
    return "/inbox/help"


async def _unknown(service: Service, page: Page) -> str:
    return "/inbox/requests/req_0"


async def _used_link(service: Service, page: Page) -> str:
    return "/inbox/sign-in#" + "A" * 43


async def _signed_out(service: Service, page: Page) -> str:
    await page.context.clear_cookies()
    return "/inbox"


STATES: list[Draw] = [
    *(
        _empty,
        _one,
        _urgent,
        _risky_row,
        _risky,
        _forty,
        _request,
        _asking,
        _asking_for_files,
        _forty_files,
        _edited,
        _being_edited,
        _not_mine,
        _unsure_row,
        _unsure,
        _denied,
        _long_name,
        _big,
    ),
    *(_big_whole, _history, _no_history, _help, _unknown, _used_link, _signed_out),
]


@pytest.mark.parametrize("looked_at", VIEWS, indirect=True, ids=str)
async def test_every_state_is_accessible_and_fits(service: Service, looked_at: Page) -> None:
    found: list[str] = []
    for draw in STATES:
        service.desk.requests.clear()
        service.desk._admits = None
        await looked_at.goto(service.url + await draw(service, looked_at))
        found += [f"{draw.__name__}: {violation}" for violation in await violations(looked_at)]
        spill = await looked_at.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [f"{draw.__name__}: {spill} px too wide"] if spill > 0 else []
    assert found == []


@pytest.mark.parametrize("looked_at", VIEWS[:1], indirect=True, ids=str)
async def test_what_one_presses_on_a_phone_is_large_enough_and_in_reach(service: Service, looked_at: Page) -> None:
    request = service.ask(params={f"p{index}": index for index in range(30)})
    await looked_at.goto(f"{service.url}/inbox/requests/{request.id}")
    for name in ("Approve", "Deny"):
        box = await looked_at.get_by_role("button", name=name).bounding_box()
        assert box
        assert box["height"] >= 44
        assert box["width"] >= 44
        assert box["y"] + box["height"] <= 740


@pytest.mark.parametrize("looked_at", VIEWS[:1], indirect=True, ids=str)
async def test_on_a_phone_what_is_of_high_risk_is_read_before_it_can_be_approved(
    service: Service, looked_at: Page
) -> None:
    request = service.ask(params={f"value{number}": number for number in range(20)}, high_risk=True)
    await looked_at.goto(f"{service.url}/inbox/requests/{request.id}")
    approve, last = looked_at.get_by_role("button", name="Approve"), looked_at.get_by_text("value19", exact=True)
    await expect(approve).not_to_be_in_viewport()
    below, above = await approve.bounding_box(), await last.bounding_box()
    assert below is not None
    assert above is not None
    assert below["y"] > above["y"]
