"""Files in the inbox as a person meets them, in a real Chromium: with a script, and without one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, Route, expect

from browser.axe import violations
from browser.beside import address
from browser.chromium import listening
from sayso_bot.domain.form import Field, Form
from sayso_bot.domain.request import Cause, Request, Status
from sayso_bot.errors import QuotaExceeded
from unit.inbox.inbox_service import Service

FORM = Form(
    (
        Field("papers", "files", "The signed papers", most_files=2, accept=(".pdf", ".txt")),
        Field("notes", "files", "Notes", required=False, most_files=1),
    )
)


def a_file(folder: Path, name: str, size: int = 2000) -> Path:
    path = folder / name
    path.write_bytes(b"x" * size)
    return path


def papers_of(service: Service) -> list[str]:
    """The names of the papers in the one answer that counts."""
    (vote,) = service.desk.counted
    response: Any = vote.response
    return [str(file["name"]) for file in response["papers"]]


async def opened(service: Service, page: Page) -> Request:
    request = service.ask(form=FORM)
    await page.goto(address(service, request))
    await listening(page)
    return request


async def test_files_are_sent_as_they_are_chosen_and_the_answer_names_those_that_stay_ticked(
    service: Service, ana: Page, tmp_path: Path
) -> None:
    request = await opened(service, ana)
    papers = ana.get_by_label("The signed papers").first
    await papers.set_input_files([a_file(tmp_path, "one.pdf"), a_file(tmp_path, "two.pdf"), a_file(tmp_path, "3.txt")])
    await expect(ana.locator("#form_0-put input:checked")).to_have_count(3)
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.locator("#form_0-error")).to_have_text("This takes at most 2 files. Untick some.")
    await ana.get_by_label("one.pdf, 2 KiB").uncheck()
    assert await violations(ana) == []
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.locator("#outcome")).to_contain_text("Approved by Ana")
    assert sorted(papers_of(service)) == ["3.txt", "two.pdf"]
    await expect(ana.locator("#files .papers a")).to_have_count(3)
    async with ana.expect_download() as download:
        await ana.get_by_role("link", name="two.pdf").click()
    saved = await (await download.value).path()
    assert saved.read_bytes() == b"x" * 2000
    assert ana.url.startswith(address(service, request))


async def test_what_is_needed_is_said_and_a_file_that_is_too_large_is_never_sent(
    service: Service, ana: Page, tmp_path: Path
) -> None:
    await opened(service, ana)
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.locator("#form_0-error")).to_have_text("This is needed.")
    await expect(ana.locator("#form_0")).to_be_focused()
    await ana.locator("#form_0").set_input_files(a_file(tmp_path, "big.pdf", 10 * 1024 * 1024 + 1))
    told = "big.pdf is too large. A file has at most 10 MiB."
    await expect(ana.locator("#form_0-put .failed")).to_have_text(told)
    await expect(ana.locator("#announce")).to_have_text(told)
    assert service.desk.contents == {}
    await ana.locator("#form_0").set_input_files(a_file(tmp_path, "a.pdf"))
    await expect(ana.locator("#form_0-put .failed")).to_have_count(0)
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.locator("#outcome")).to_contain_text("Approved by Ana")


async def test_a_quota_that_is_used_up_is_said_and_the_upload_can_be_tried_again(
    service: Service, ana: Page, tmp_path: Path
) -> None:
    await opened(service, ana)
    service.desk.trouble.append(QuotaExceeded("The agent that asks has used up its quota of bytes."))
    await ana.locator("#form_0").set_input_files(a_file(tmp_path, "a.pdf"))
    await expect(ana.locator("#form_0-put .failed")).to_contain_text("has used up its quota of bytes")
    assert await violations(ana) == []
    await expect(ana.get_by_role("button", name="Try again")).to_be_focused()
    await ana.keyboard.press("Enter")
    await expect(ana.get_by_label("a.pdf, 2 KiB")).to_be_checked()


async def test_an_upload_whose_answer_is_lost_is_kept_once_however_often_it_is_tried(
    service: Service, ana: Page, tmp_path: Path
) -> None:
    request = await opened(service, ana)

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await ana.route("**/files", lose, times=1)
    await ana.locator("#form_0").set_input_files(a_file(tmp_path, "a.pdf"))
    await expect(ana.locator("#form_0-put .failed")).to_contain_text("it is not known whether it was kept")
    await ana.get_by_role("button", name="Try again").click()
    await expect(ana.get_by_label("a.pdf, 2 KiB")).to_be_checked()
    assert len((await service.desk.look(request.id)).files) == 1


async def test_a_request_that_ends_while_files_are_chosen_says_so(service: Service, ana: Page, tmp_path: Path) -> None:
    request = await opened(service, ana)
    await ana.locator("#form_0").set_input_files(a_file(tmp_path, "a.pdf"))
    await expect(ana.get_by_label("a.pdf, 2 KiB")).to_be_checked()
    service.desk.end(request.id, Status.CANCELLED, Cause.AGENT)
    await expect(ana.locator("#outcome")).to_contain_text("Cancelled by the agent")
    await expect(ana.locator("#files")).to_contain_text("a.pdf")


async def test_files_put_here_before_are_still_there_when_the_page_is_opened_again(
    service: Service, ana: Page, tmp_path: Path
) -> None:
    request = await opened(service, ana)
    await ana.locator("#form_0").set_input_files(a_file(tmp_path, "a.pdf"))
    await expect(ana.get_by_label("a.pdf, 2 KiB")).to_be_checked()
    await ana.goto(address(service, request))
    await expect(ana.get_by_label("a.pdf, 2 KiB")).to_be_checked()
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.locator("#outcome")).to_contain_text("Approved by Ana")


async def test_without_a_script_the_files_come_with_the_answer(
    chromium: Browser, service: Service, tmp_path: Path
) -> None:
    request = service.ask(form=FORM)
    context = await chromium.new_context()
    signing = await context.new_page()
    await signing.goto(await service.link())
    await signing.wait_for_url("**/inbox")
    plain = await chromium.new_context(java_script_enabled=False, storage_state=await context.storage_state())
    page = await plain.new_page()
    await page.goto(address(service, request))
    await page.locator("#form_0").set_input_files([a_file(tmp_path, "a.pdf"), a_file(tmp_path, "b.exe")])
    await page.locator("#reason").fill("All signed")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("alert")).to_contain_text("Your answer did not count")
    await expect(page.locator("#form_0-error")).to_contain_text("This takes .pdf, .txt only.")
    await expect(page.get_by_label(re.compile("a.pdf"))).to_be_checked()
    await expect(page.locator("#reason")).to_have_value("All signed")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.locator("#outcome")).to_contain_text("Approved by Ana")
    assert papers_of(service) == ["a.pdf"]
    await plain.close()
    await context.close()
