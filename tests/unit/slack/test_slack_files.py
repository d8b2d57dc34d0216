"""Files put into a dialog in Slack: fetched from Slack alone, bounded, and told of when the answer counts or not."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from fakes.slack_files import away_once, cut, endless, login_page, longer, moved, shorter, slow
from fakes.slack_surfaces import deliver
from fakes.slack_views import Dialog, submission
from fakes.slack_workspace import Message
from sayso_adapters import answering
from sayso_adapters.answering import UNSURE
from sayso_adapters.slack import fetching
from sayso_adapters.slack.filling import FETCHING
from sayso_adapters.slack.pinned import FILES, is_slacks
from sayso_bot.domain.files import MAX_FILE_BYTES
from sayso_bot.domain.form import Field, Form
from sayso_bot.domain.request import Cause, Request, Status
from sayso_bot.errors import QuotaExceeded
from sayso_bot.testing.desk import nobody_can_say
from sayso_bot.testing.samples import a_file, a_request
from unit.slack.slack_office import PLACE, Office, wait_until

FORM = Form(
    (
        Field("papers", "files", "The papers", most_files=2, accept=(".pdf", ".txt")),
        Field("limit", "number", "Limit", required=False, most=500),
    )
)
CONTENT = os.urandom(300_000)


async def opened(office: Office, **requirement: Any) -> tuple[Request, Dialog, Message]:
    request = a_request(PLACE, form=FORM, requirement={"forms": True, **requirement})
    _, message = await office.posted(request)
    assert await office.slack.tap(office.url, message, "approve", user="U0ANA") == 200
    return request, await office.slack.dialog(), message


async def told(office: Office, dialog: Dialog, values: dict[str, Any]) -> str:
    """What the person alone is told after the files were fetched or not."""
    before = len(office.slack.told("U0ANA"))
    assert await office.slack.submit(office.url, dialog, values) == 200
    return (await office.slack.until_told("U0ANA", count=before + 1))[-1]


async def test_the_input_takes_as_many_as_the_form_and_says_how_large(office: Office) -> None:
    _, dialog, _ = await opened(office)
    assert dialog.inputs["form_0"] == {
        "type": "file_input", "action_id": "answer", "max_files": 2, "filetypes": ["pdf", "txt"],
    }  # fmt: skip
    hint = next(b["hint"]["text"] for b in dialog.view["blocks"] if b.get("block_id") == "form_0")
    assert hint == "Each at most 10 MiB, .pdf, .txt"


async def test_files_are_fetched_with_the_bot_s_token_kept_and_named_by_the_vote(office: Office) -> None:
    request, dialog, _ = await opened(office)
    files = [office.slack.add_file("U0ANA", name, CONTENT) for name in ("../one.pdf", "two.pdf")]
    assert "It is approved" in await told(office, dialog, {"form_0": files, "form_1": "12"})
    (vote,) = office.desk.counted
    response: Any = vote.response
    assert [file["name"] for file in response["papers"]] == ["one.pdf", "two.pdf"]
    assert response["limit"] == 12
    after = await office.desk.look(request.id)
    assert [office.desk.contents[file.id] for file in after.files] == [CONTENT] * 2
    assert {bearer for _, bearer in office.slack.fetched} == {f"Bearer {office.slack.token}"}
    assert not dialog.submits


async def test_slack_is_answered_before_a_slow_file_is_there_and_the_dialog_says_that_nothing_counts_yet(
    office: Office,
) -> None:
    _, dialog, _ = await opened(office)
    file, released = office.slack.add_file("U0ANA", "a.pdf", CONTENT), asyncio.Event()
    office.slack.served[file] = slow(released)
    assert await office.slack.submit(office.url, dialog, {"form_0": [file]}) == 200
    assert FETCHING in dialog.words
    assert office.desk.counted == []
    released.set()

    async def counted() -> bool:
        return "It is approved" in dialog.words

    await wait_until(counted)


async def test_what_became_of_it_is_told_even_where_slack_shows_our_answers_in_the_wrong_order(office: Office) -> None:
    """A refusal may be quicker than the way of the answer that says to wait."""
    _, dialog, _ = await opened(office)
    values = {"form_0": [{"id": office.slack.add_file("U0BOB", "theirs.pdf", CONTENT)}]}
    payload = submission(dialog, values, team="T0TEAM", user="U0ANA", shown=office.slack.shown(dialog))
    _, late = await deliver(office.url, payload, office.slack.signed)
    await office.slack.until_called("views.update")
    office.slack.carry_out_answer(dialog, late)
    assert FETCHING in dialog.words
    assert "Only a file that you have put" in (await office.slack.until_told("U0ANA"))[-1]


async def test_who_closes_the_dialog_meanwhile_is_told_alone(office: Office) -> None:
    _, dialog, _ = await opened(office)
    file, released = office.slack.add_file("U0ANA", "a.pdf", CONTENT), asyncio.Event()
    office.slack.served[file] = slow(released)
    assert await office.slack.submit(office.url, dialog, {"form_0": [file]}) == 200
    dialog.open = False
    released.set()
    assert "It is approved" in (await office.slack.until_told("U0ANA"))[-1]


@pytest.mark.parametrize(
    ("serve", "said"),
    [
        (login_page, "is not the file"),
        (longer, "is not the file"),
        (shorter, "is not the file"),
        (endless, "is not the file"),
        (cut, "could not be fetched"),
        (moved("https://evil.example/steal"), "not_slacks_address"),
        (moved("http://169.254.169.254/latest/meta-data"), "not_slacks_address"),
    ],
)
async def test_what_is_not_the_file_from_slack_itself_is_not_taken(office: Office, serve: Any, said: str) -> None:
    request, dialog, _ = await opened(office)
    file = office.slack.add_file("U0ANA", "a.pdf", CONTENT)
    office.slack.served[file] = serve
    words = await told(office, dialog, {"form_0": [file]})
    assert said in words
    assert "Your vote was not counted" in words
    assert office.desk.counted == []
    assert (await office.desk.look(request.id)).files == ()


async def test_an_app_without_the_scope_is_served_slack_s_login_page_and_says_which_scope(office: Office) -> None:
    office.slack.scopes = office.slack.scopes.replace("files:read,", "")
    _, dialog, _ = await opened(office)
    file = office.slack.add_file("U0ANA", "a.pdf", CONTENT)
    assert "files:read" in await told(office, dialog, {"form_0": [file]})


async def test_a_redirect_within_slack_s_own_host_is_followed_twice_at_most(office: Office) -> None:
    _, dialog, _ = await opened(office)
    file = office.slack.add_file("U0ANA", "a.pdf", CONTENT)
    office.slack.served[file] = moved(f"{office.slack.root}/files-pri/T0TEAM-{file}/download/again")
    assert "does not hand out" in await told(office, dialog, {"form_0": [file]})
    assert len(office.slack.fetched) == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"user": "U0BEN"}, "put into this dialog yourself"),
        ({"is_external": True}, "put into this dialog yourself"),
        ({"size": MAX_FILE_BYTES + 1}, "too large"),
        ({"size": "7"}, "does not hand out"),
        ({"name": None}, "does not hand out"),
        ({"url_private_download": "https://files.slack.com.evil.example/x"}, "not_slacks_address"),
        ({"url_private_download": "http://127.0.0.1:1/x"}, "not_slacks_address"),
        ({"name": "a.exe", "mimetype": "x/y"}, "This takes .pdf, .txt only."),
    ],
)
async def test_what_slack_says_of_a_file_is_held_to_bounds(office: Office, changes: dict[str, Any], said: str) -> None:
    _, dialog, _ = await opened(office)
    file = office.slack.add_file("U0ANA", "a.pdf", CONTENT)
    office.slack.files[file].changes = changes
    words = await told(office, dialog, {"form_0": [file]})
    assert said in words
    assert office.desk.counted == []
    assert office.slack.fetched == []


@pytest.mark.parametrize("trouble", ["429", "503", "no answer", "download"])
async def test_what_slack_cannot_say_or_hand_out_at_the_moment_is_asked_for_again(office: Office, trouble: str) -> None:
    _, dialog, _ = await opened(office)
    file = office.slack.add_file("U0ANA", "a.pdf", CONTENT)
    match trouble:
        case "429":
            office.slack.limit_rate("files.info", after=1)
        case "503":
            office.slack.break_("files.info", status=503)
        case "no answer":
            office.slack.drop("files.info", times=2)  # aiohttp asks a second time itself
        case _:
            office.slack.served[file] = away_once()
    assert "It is approved" in await told(office, dialog, {"form_0": [file]})


async def test_where_slack_stays_away_the_answer_is_not_called_refused(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "VOTE_PAUSES", (0.0, 0.0))
    _, dialog, _ = await opened(office)
    file = office.slack.add_file("U0ANA", "a.pdf", CONTENT)
    office.slack.break_("files.info", status=503, times=3)
    assert await told(office, dialog, {"form_0": [file]}) == UNSURE
    assert office.desk.counted == []


async def test_a_file_that_does_not_come_in_time_is_given_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "FETCH_SECONDS", 0.2)
    _, dialog, _ = await opened(office)
    file = office.slack.add_file("U0ANA", "a.pdf", CONTENT)
    office.slack.served[file] = slow(asyncio.Event())
    assert "could not be fetched" in await told(office, dialog, {"form_0": [file]})


async def test_what_is_wrong_already_is_said_at_its_input_and_nothing_is_fetched(office: Office) -> None:
    _, dialog, _ = await opened(office, reason="always")
    file = office.slack.add_file("U0ANA", "a.pdf", CONTENT)
    assert await office.slack.submit(office.url, dialog, {"form_0": [file]}) == 200
    assert "wants a reason" in dialog.errors["reason"]
    filled = {"form_0": [file], "form_1": "501", "reason": "Checked."}
    assert await office.slack.submit(office.url, dialog, filled) == 200
    assert dialog.errors == {"form_1": "This must be at most 500."}
    assert await office.slack.submit(office.url, dialog, {"form_0": [], "reason": "Checked."}) == 200
    assert dialog.errors == {"form_0": "This is needed."}
    assert await office.slack.submit(office.url, dialog, {"form_0": [file] * 3, "reason": "Checked."}) == 200
    assert dialog.errors == {"form_0": "This takes at most 2 files."}
    assert office.slack.fetched == []


async def test_who_may_not_decide_is_told_before_anything_is_fetched(office: Office) -> None:
    _, dialog, _ = await opened(office)
    office.desk._admits = lambda person: False
    file = office.slack.add_file("U0ANA", "a.pdf", CONTENT)
    assert await office.slack.submit(office.url, dialog, {"form_0": [file]}) == 200
    assert "not an approver" in dialog.words
    assert office.slack.called("files.info") == []


async def test_who_cannot_be_checked_keeps_the_dialog_and_its_files(office: Office) -> None:
    _, dialog, _ = await opened(office, reason="always")
    office.desk._admits, admits = nobody_can_say, office.desk._admits
    filled = {"form_0": [office.slack.add_file("U0ANA", "a.pdf", CONTENT)], "reason": "Checked."}
    assert await office.slack.submit(office.url, dialog, filled) == 200
    assert ["could not be checked" in error for error in dialog.errors.values()] == [True]
    assert office.slack.called("files.info") == []
    office.desk._admits = admits
    assert "It is approved" in await told(office, dialog, filled)


async def test_a_quota_that_is_used_up_and_an_end_meanwhile_are_told(office: Office) -> None:
    request, dialog, _ = await opened(office)
    file, released = office.slack.add_file("U0ANA", "a.pdf", CONTENT), asyncio.Event()
    office.desk.trouble.append(QuotaExceeded("The agent that asks has used up its quota of bytes."))
    assert "used up its quota" in await told(office, dialog, {"form_0": [file]})
    _, dialog, _ = await opened(office)
    office.slack.served[file] = slow(released)
    assert await office.slack.submit(office.url, dialog, {"form_0": [file]}) == 200
    for request_id in list(office.desk.requests):
        office.desk.end(request_id, Status.CANCELLED, Cause.AGENT)
    released.set()

    async def said() -> bool:
        return "Cancelled by the agent" in dialog.words

    await wait_until(said)
    assert request.id in office.desk.requests


async def test_submitted_twice_is_one_vote_and_one_file(office: Office) -> None:
    request, dialog, _ = await opened(office)
    file = office.slack.add_file("U0ANA", "a.pdf", CONTENT)
    values = {"form_0": [file]}
    await asyncio.gather(*(office.slack.submit(office.url, dialog, values) for _ in range(4)))

    async def counted() -> bool:
        return len(office.desk.counted) == 1

    await wait_until(counted)
    assert len((await office.desk.look(request.id)).files) == 1


async def test_the_card_lists_files_by_name_size_and_digest(office: Office) -> None:
    files = (
        a_file(1, by="refund-bot", name="evil <!channel>.html"),
        a_file(2, by="email:ana@example.com", field="papers"),
    )
    _, message = await office.posted(a_request(PLACE, form=FORM, files=files, requirement={"forms": True}))
    assert f"evil <!channel>.html · 11.7 KiB · {files[0].digest}" in message.words
    assert f"· ana@example.com · {files[1].digest}" in message.words


@pytest.mark.parametrize(
    ("url", "api", "ours"),
    [
        ("https://files.slack.com/files-pri/T0-F0/download/a.pdf", "https://slack.com/api/", True),
        ("https://files.slack-gov.com/files-pri/T0-F0/a", "https://slack-gov.com/api/", True),
        ("https://files.slack.com/x", "https://slack-gov.com/api/", False),
        ("https://hooks.slack.com/x", "https://slack.com/api/", False),
        ("http://files.slack.com/x", "https://slack.com/api/", False),
        ("https://files.slack.com:8443/x", "https://slack.com/api/", False),
        ("https://files.slack.com@evil.example/x", "https://slack.com/api/", False),
        ("https://evil.example/files.slack.com", "https://slack.com/api/", False),
    ],
)
def test_the_token_goes_to_slack_s_host_for_files_alone(url: str, api: str, ours: bool) -> None:
    assert is_slacks(url, api, FILES) is ours
