"""The admin's page of a running service, and what others change while it is open."""

from __future__ import annotations

import asyncio
import re

from e2e.admin_office import OPS, POLICY, administering
from e2e.admin_page import Page, olga_at_the_inbox
from sayso_bot.policy import digest
from service import a_key, serving
from unit.inbox.visitor import hidden_fields


async def stands(page: Page) -> str:
    found = re.search(r'data-version="([^"]+)"', await page.sees())
    assert found is not None
    return found[1]


async def test_whatever_changes_elsewhere_is_offered_at_once() -> None:
    """Keys, the policy and what cannot be reached, changed in the store of another replica."""
    async with administering() as admin, serving(policy=POLICY, redis=admin.sayso.redis) as other:
        store, (key, _) = other.service.store, a_key("shop")
        newer = POLICY.replace("timeout: 30m", "timeout: 40m")
        changes = (
            lambda: store.put_key(key, "key_created"),
            lambda: store.activate(digest(newer), newer, digest(POLICY), "test"),
            lambda: store.office.report(OPS, "is_archived"),
            lambda: store.office.report(OPS, ""),
        )
        async with olga_at_the_inbox(admin.sayso) as page, admin.sayso.service.desk.changes() as told:
            assert await asyncio.wait_for(anext(told), 5) is None, "whoever begins to listen is to look"
            for change in changes:
                before = await stands(page)
                assert await stands(page) == before
                await change()
                assert await asyncio.wait_for(anext(told), 5) is None
                assert await stands(page) != before


async def test_the_box_says_yes_to_the_questions_beside_it_and_to_no_other() -> None:
    async with administering() as admin, olga_at_the_inbox(admin.sayso) as page:
        _, form = await page.looks_at(deed="route", action="*", to="ops", lasting="")
        newer = POLICY + "  - {name: notes, action: payments.note, ask: {channel: inbox}}\n"
        assert (await admin.sayso.service.store.activate(digest(newer), newer, digest(POLICY), "test")).changed
        again = await page.does(form, confirmed="yes")
        assert again.status_code == 409
        assert "“notes” names no approvers" in again.text
        assert await admin.listed("routes") == []
        form = hidden_fields(again.text, "/do")
        assert (await page.does(form)).status_code == 409
        assert (await page.does(hidden_fields((await page.does(form)).text, "/do"), confirmed="yes")).status_code == 200
        assert len(await admin.listed("routes")) == 1
