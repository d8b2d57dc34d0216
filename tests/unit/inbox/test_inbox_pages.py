"""What the pages say, and what an answer does. Driven over HTTP, with no script running."""

from __future__ import annotations

import asyncio
import re

import pytest

from sayso_bot.domain.request import Cause, Claims, Status
from sayso_bot.errors import Unavailable
from sayso_bot.testing.clock import Clock
from sayso_bot.testing.desk import nobody_can_say
from unit.inbox.inbox_service import Service
from unit.inbox.visitor import Visitor, hidden_fields


def words(page: str) -> str:
    """The text of a page as it reads, without markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", re.sub(r"<dialog.*?</dialog>", "", page, flags=re.DOTALL)))


async def test_signed_out_people_are_told_how_to_get_a_link(stranger: Visitor) -> None:
    page = await stranger.get("/inbox")
    assert page.status_code == 401
    assert "sayso inbox link --person you@example.com" in page.text


async def test_an_empty_inbox_says_so(ana: Visitor) -> None:
    assert "Nothing waits for you" in (await ana.get("/inbox")).text


async def test_the_soonest_deadline_comes_first_and_the_title_counts(service: Service, ana: Visitor) -> None:
    late = service.ask("a.late", minutes=90)
    soon = service.ask("b.soon", minutes=5)
    never = service.ask("c.never", minutes=None)
    page = (await ana.get("/inbox")).text
    assert "<title>(3) Waiting" in page
    assert page.index(soon.id) < page.index(late.id) < page.index(never.id)


async def test_what_somebody_else_must_decide_is_listed_apart_with_the_reason(service: Service, ana: Visitor) -> None:
    service.ask(approvers=("email:ben@example.com",))
    page = words((await ana.get("/inbox")).text)
    assert "Nothing waits for you" in page
    assert "Pending, but not waiting for you" in page
    assert "is for finance; you are not an approver" in page


async def test_more_than_a_page_can_hold_is_said_and_reachable(service: Service, ana: Visitor) -> None:
    oldest = service.ask("the.oldest")
    for _ in range(120):
        service.ask()
    page = (await ana.get("/inbox")).text
    assert "(100+) Waiting" in page
    assert oldest.id not in page
    older = re.search(r'href="(/inbox\?cursor=[^"]+)"', page)
    assert older
    assert oldest.id in (await ana.get(older[1])).text


async def test_a_row_counts_what_it_leaves_out(service: Service, ana: Visitor) -> None:
    service.ask(params={"sql": "select " * 100, "a": 1, "b": 2, "c": 3, "d": 4})
    page = words((await ana.get("/inbox")).text)
    assert "2 more" in page
    assert "…" in page


async def test_a_request_shows_the_facts_before_the_agents_words(service: Service, ana: Visitor) -> None:
    claims = Claims(summary="Pay it back", reasoning="Because.", links=("https://evil.example/x",))
    request = service.ask(params={"amount": "1", "to": {"iban": "DE02"}}, claims=claims)
    page = (await ana.get(f"/inbox/requests/{request.id}")).text
    text = words(page)
    for earlier, later in (
        ("What will happen", "Who asks"),
        ("to.iban", "large refunds"),
        ("Who asks", "The agent says"),
    ):
        assert text.index(earlier) < text.index(later)
    assert "&#34;1&#34;" in page
    assert "Nobody has checked it" in text
    assert 'href="https://evil.example' not in page


async def test_markup_and_hidden_characters_are_shown_not_obeyed(service: Service, ana: Visitor) -> None:
    attack = '"><script>alert(1)</script>\u202e{{ 7*7 }}\u200b'
    request = service.ask(params={attack: attack}, claims=Claims(summary=attack, reasoning=attack, on_behalf_of=attack))
    for path in (f"/inbox/requests/{request.id}", "/inbox", f"/inbox/fragments/rows/{request.id}"):
        page = (await ana.get(path)).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.replace("<wbr>", "")
        assert "\u202e" not in page
        assert "⟨U+202E⟩" in page
        assert "49" not in re.findall(r"U\+202E⟩(.{0,12})", page)


async def test_an_answer_counts_and_the_page_says_so(service: Service, ana: Visitor) -> None:
    request = service.ask()
    sent = await ana.answer(request.id, "deny", "The amount is wrong.")
    assert sent.status_code == 303
    assert sent.headers["location"] == f"/inbox/requests/{request.id}#outcome"
    page = words((await ana.get(f"/inbox/requests/{request.id}")).text)
    assert "Denied by Ana" in page
    assert "The amount is wrong." in page
    ballot = service.desk.ballots[0]
    assert (ballot.surface, ballot.reason) == ("inbox", "The amount is wrong.")
    assert ballot.person.aliases == {"email:ana@example.com"}
    assert "Approve</button>" not in page


async def test_a_form_sent_twenty_times_at_once_is_one_vote(service: Service, ana: Visitor) -> None:
    request = service.ask(quorum=2)
    fields = await ana.answer_form(request.id, outcome="approve", reason="")
    path = f"/inbox/requests/{request.id}/vote"
    answers = await asyncio.gather(*(ana.post(path, fields) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {303}
    assert len(service.desk.counted) == 1


async def test_one_of_two_approvals_is_told_as_such_and_the_next_request_is_offered(
    service: Service, ana: Visitor
) -> None:
    request, other = service.ask(quorum=2), service.ask("deploy.production")
    await ana.answer(request.id, "approve")
    page = (await ana.get(f"/inbox/requests/{request.id}")).text
    assert "You approved this" in page
    assert "1 of 2 approvals" in page
    assert f'id="next" href="/inbox/requests/{other.id}"' in page


async def test_an_answer_without_the_reason_that_the_rule_wants_is_refused_and_the_form_stays(
    service: Service, ana: Visitor
) -> None:
    request = service.ask(reason="deny")
    refused = await ana.answer(request.id, "deny", "   ")
    assert refused.status_code == 422
    assert "Your answer did not count." in refused.text
    assert "The rule wants a reason" in refused.text
    assert 'value="approve"' in refused.text


async def test_a_refused_answer_keeps_what_was_written(service: Service, ana: Visitor) -> None:
    request = service.ask()
    fields = await ana.answer_form(request.id, outcome="approve", reason="I checked <it>", revision="9")
    refused = await ana.post(f"/inbox/requests/{request.id}/vote", fields)
    assert refused.status_code == 409
    assert "I checked &lt;it&gt;</textarea>" in refused.text


async def test_a_tap_after_the_end_is_told_how_it_ended(service: Service, ana: Visitor) -> None:
    request = service.ask()
    fields = await ana.answer_form(request.id, outcome="approve", reason="")
    service.desk.end(request.id, Status.CANCELLED, Cause.AGENT)
    refused = await ana.post(f"/inbox/requests/{request.id}/vote", fields)
    assert refused.status_code == 409
    assert "Cancelled by the agent" in refused.text
    assert 'value="approve"' not in refused.text


async def test_who_may_not_decide_sees_why_and_no_buttons(service: Service, ana: Visitor) -> None:
    request = service.ask(approvers=("email:ben@example.com",))
    page = (await ana.get(f"/inbox/requests/{request.id}")).text
    assert "Not yours to decide" in page
    assert "you are not an approver" in page
    assert 'name="outcome"' not in page


async def test_who_cannot_be_checked_is_not_told_that_they_may_not(service: Service, ana: Visitor) -> None:
    service.desk._admits = nobody_can_say
    request = service.ask(editable=("amount",))
    page = (await ana.get(f"/inbox/requests/{request.id}")).text
    assert "Not yours to decide" not in page
    assert "could not be checked just now whether you may decide this" in words(page)
    refused = await ana.answer(request.id, "deny", "Not this one.")
    assert refused.status_code == 503
    assert "Not this one." in refused.text
    edit = hidden_fields(page, "/edit") | {"edit_0": "41"}
    assert ">\n41</textarea>" in (await ana.post(f"/inbox/requests/{request.id}/edit", edit)).text
    listed = words((await ana.get("/inbox")).text)
    assert "Perhaps waiting for you 1" in listed
    assert "Nothing waits for you" not in listed


@pytest.mark.parametrize(
    "broken",
    [
        {"outcome": "maybe"},
        {"outcome": ""},
        {"nonce": "short"},
        {"nonce": "a:b" * 9},
        {"revision": "1e3"},
        {"revision": "0"},
    ],
)
async def test_a_form_that_was_tampered_with_changes_nothing(
    service: Service, ana: Visitor, broken: dict[str, str]
) -> None:
    request = service.ask()
    fields = await ana.answer_form(request.id, outcome="approve", reason="")
    answer = await ana.post(f"/inbox/requests/{request.id}/vote", fields | broken)
    assert answer.status_code == 422
    assert service.desk.counted == []


async def test_a_reason_beyond_its_bound_is_refused(service: Service, ana: Visitor) -> None:
    request = service.ask()
    assert (await ana.answer(request.id, "deny", "x" * 2001)).status_code == 422
    assert service.desk.counted == []


async def test_a_value_too_long_for_a_glance_has_to_be_opened_before_approving(service: Service, ana: Visitor) -> None:
    secret_end = "drop table orders"
    request = service.ask(params={"sql": "select 1; " * 10_000 + secret_end, "dry_run": False})
    folded = (await ana.get(f"/inbox/requests/{request.id}")).text
    assert 'value="approve"' not in folded
    assert 'value="deny"' in folded
    assert secret_end in folded
    assert "100,017 characters" in folded
    assert "1 of 2 values is folded" in words(folded)
    whole = (await ana.get(f"/inbox/requests/{request.id}?view=whole")).text
    assert 'value="approve"' in whole
    assert 'class="fold"' not in whole


async def test_many_params_are_folded_beyond_the_fortieth(service: Service, ana: Visitor) -> None:
    request = service.ask(params={f"p{index}": index for index in range(50)})
    page = words((await ana.get(f"/inbox/requests/{request.id}")).text)
    assert "10 of 50 values are folded" in page


async def test_an_answer_after_the_session_ended_is_not_counted_and_says_so(
    service: Service, ana: Visitor, clock: Clock
) -> None:
    request = service.ask(minutes=None)
    fields = await ana.answer_form(request.id, outcome="approve", reason="")
    clock.pass_by(hours=13)
    answer = await ana.post(f"/inbox/requests/{request.id}/vote", fields)
    assert answer.status_code == 401
    assert "was not counted" in answer.text
    assert service.desk.counted == []


async def test_the_operator_is_only_the_operator(service: Service, stranger: Visitor) -> None:
    await stranger.sign_in("operator", "Operator")
    request = service.ask()
    await stranger.answer(request.id, "approve")
    assert service.desk.ballots[0].person.aliases == {"operator"}


async def test_history_shows_who_decided_when_and_why(service: Service, ana: Visitor) -> None:
    denied, cancelled, _open = service.ask(), service.ask(), service.ask("still.open")
    await ana.answer(denied.id, "deny", "Too much.")
    service.desk.end(cancelled.id, Status.CANCELLED, Cause.AGENT)
    page = words((await ana.get("/inbox/history")).text)
    assert "Denied by Ana" in page
    assert "Ana: Too much." in page
    assert "Cancelled by the agent" in page
    assert "still.open" not in page
    only = words((await ana.get("/inbox/history?status=denied")).text)
    assert "Denied by Ana" in only
    assert "Cancelled by the agent" not in only


async def test_history_goes_on_where_a_page_ends(service: Service, ana: Visitor) -> None:
    ended = [service.ask() for _ in range(45)]
    for request in ended:
        service.desk.end(request.id, Status.CANCELLED, Cause.AGENT)
    page = (await ana.get("/inbox/history")).text
    assert ended[0].id not in page
    older = re.search(r'href="(/inbox/history\?cursor=[^"]+)"', page)
    assert older
    assert ended[0].id in (await ana.get(older[1])).text


@pytest.mark.parametrize("path", ["nonsense", "req_0", "req_01a209c4-0c83-7392-b534-31d901d23c24", "%3Cscript%3E"])
async def test_an_unknown_request_is_not_found(ana: Visitor, path: str) -> None:
    page = await ana.get(f"/inbox/requests/{path}")
    assert page.status_code == 404
    assert "There is no such request" in page.text


async def test_trouble_below_is_told_in_its_own_sentence_and_nothing_else(service: Service, ana: Visitor) -> None:
    service.desk.broken = Unavailable("Sayso cannot reach its store. Try again in a moment.", retry_after=3)
    page = await ana.get("/inbox")
    assert page.status_code == 503
    assert page.headers["retry-after"] == "3"
    assert "Sayso cannot reach its store." in page.text
    assert "Traceback" not in page.text
    fragment = await ana.get("/inbox/fragments/waiting")
    assert (fragment.status_code, fragment.headers["retry-after"], fragment.text) == (503, "3", "")


async def test_what_the_agent_calls_urgent_looks_so_and_says_who_says_it(service: Service, ana: Visitor) -> None:
    critical = service.ask(claims=Claims(urgency="critical"))
    plain = service.ask(claims=Claims(urgency="medium"))
    listed = (await ana.get("/inbox")).text
    assert listed.count("The agent calls the urgency critical.") == 1
    page = (await ana.get(f"/inbox/requests/{critical.id}")).text
    assert 'class="pressing critical"' in page
    assert "It changes nothing about who decides." in page
    assert "calls the urgency" not in (await ana.get(f"/inbox/requests/{plain.id}")).text


async def test_what_the_policy_calls_of_high_risk_looks_so_in_a_list_and_on_its_own(
    service: Service, ana: Visitor
) -> None:
    risky, plain = service.ask(high_risk=True), service.ask()
    listed = (await ana.get("/inbox")).text
    assert listed.count('<p class="risk">High risk</p>') == 1
    page = (await ana.get(f"/inbox/requests/{risky.id}")).text
    assert '<p class="risk">High risk: look at every value before you approve.</p>' in page
    assert page.index('class="risk"') < page.index('class="params')
    assert "risky" not in (await ana.get(f"/inbox/requests/{plain.id}")).text
