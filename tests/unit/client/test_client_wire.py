"""Both clients against a real server that behaves, breaks, and lies."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from fakes.http_api import KEY, Drop, Half, HttpApi, Reply, problem, reply, request_out, settled
from sayso import (
    Approval,
    AsyncSayso,
    Cancelled,
    Denied,
    Edited,
    Expired,
    Mismatch,
    Paused,
    Progress,
    Refused,
    StillPending,
    Unreachable,
    Unusable,
)
from unit.client.either import Either, wait_until

REFUND = {"order": "A-1", "amount": 12.5}


async def test_an_approval_says_who_approved_what(client: Either, api: HttpApi) -> None:
    approval = await client.ask("payments.refund", REFUND)
    assert isinstance(approval, Approval)
    assert (approval.action, approval.params, approval.revision) == ("payments.refund", REFUND, 1)
    assert approval.fingerprint.startswith("sha256:")
    assert [vote.name for vote in approval.votes] == ["Ana"]


async def test_everything_said_travels_and_nothing_else(client: Either, api: HttpApi) -> None:
    claims: dict[str, Any] = {
        "summary": "Refund",
        "reasoning": "Broken",
        "diff": "-1",
        "links": ["https://a.example"],
        "metadata": {"run": 7},
        "on_behalf_of": "ana@example.com",
        "intent": "step-1",
    }
    await client.ask("payments.refund", REFUND, timeout=900, wait="1m", idempotency_key="k-1", **claims)
    (seen,) = api.seen
    assert json.loads(seen.body) == {"action": "payments.refund", "params": REFUND, "timeout": "900s", **claims}
    assert seen.headers["Prefer"] == "wait=55"
    assert seen.headers["Idempotency-Key"] == "k-1"


async def test_a_paused_service_makes_nothing_and_is_not_asked_again_by_itself(client: Either, api: HttpApi) -> None:
    api.script.append(problem(423, "paused", "Sayso is paused.", retry_after="30"))
    with pytest.raises(Paused) as caught:
        await client.ask("payments.refund", REFUND)
    told = caught.value
    assert (told.code, told.retry_after, told.maybe_made, len(api.seen)) == ("paused", 30.0, False, 1)


async def test_what_was_asked_is_told_beside_what_an_approver_made_of_it(client: Either, api: HttpApi) -> None:
    api.answer = None
    request = await client.submit("payments.refund", REFUND)
    assert request.original_params is None
    edited = {**REFUND, "amount": 7}
    api.script.append(reply({**request.raw, "params": edited, "original_params": REFUND}))
    found = await client.get(request.id)
    assert (found.params, found.original_params) == (edited, REFUND)


async def test_the_call_holds_until_a_person_decides(client: Either, api: HttpApi) -> None:
    api.answer, api.longest_hold = None, 55
    asking = asyncio.ensure_future(client.ask("payments.refund", REFUND))
    await wait_until(lambda: api.requests)
    await api.settle(next(iter(api.requests)), "approved")
    assert (await asking).status == "approved"


async def test_undecided_at_the_end_of_a_hold_it_asks_again_by_id(client: Either, api: HttpApi) -> None:
    api.answer, api.longest_hold = None, 0.01
    asking = asyncio.ensure_future(client.ask("payments.refund", REFUND))
    await wait_until(lambda: len(api.seen) == 2)
    request_id = next(iter(api.requests))
    await api.settle(request_id, "approved")
    assert (await asking).id == request_id
    assert [seen.method for seen in api.seen[:2]] == ["POST", "GET"]
    assert api.seen[1].query == {"wait": "55"}


@pytest.mark.parametrize(("status", "error"), [("denied", Denied), ("expired", Expired), ("cancelled", Cancelled)])
async def test_each_other_ending_has_its_own_exception(
    client: Either, api: HttpApi, status: str, error: type[Denied]
) -> None:
    api.answer = status
    with pytest.raises(error) as caught:
        await client.ask("payments.refund", REFUND)
    assert caught.value.request.status == status
    assert caught.value.request_id == caught.value.request.id
    assert caught.value.idempotency_key


async def test_a_denial_carries_the_note_with_its_author(client: Either, api: HttpApi) -> None:
    denied = settled(request_out("payments.refund", REFUND), "denied", reason="Not\x1b[2J this one")
    api.script.append(reply(denied))
    with pytest.raises(Denied) as caught:
        await client.ask("payments.refund", REFUND)
    assert [(note.author, note.text) for note in caught.value.notes] == [("Ana", "Not\x1b[2J this one")]
    assert "\x1b" not in str(caught.value)


async def test_a_service_that_restarts_is_waited_for_with_the_same_key(client: Either, api: HttpApi) -> None:
    api.answer, api.longest_hold = None, 0.05
    told: list[Progress] = []
    asking = asyncio.ensure_future(client.ask("payments.refund", REFUND, progress=told.append))
    await wait_until(lambda: any(seen.method == "GET" for seen in api.seen))
    await api.stop()
    await wait_until(lambda: any(progress.trouble for progress in told))
    await api.start()
    await api.settle(next(iter(api.requests)), "approved")
    assert (await asking).status == "approved"
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        Drop(),
        Drop(after_making=True),
        Half(json.dumps(request_out()).encode()),
        problem(503, "unavailable", "Redis is away.", retry_after="0"),
        problem(429, "rate_limited", "Slower.", retry_after="0"),
        Reply(502, b"<html>Bad gateway</html>", "text/html"),
        Reply(500),
    ],
    ids=["dropped", "dropped-when-made", "half-a-body", "503", "429", "502-html", "500"],
)
async def test_a_passing_trouble_is_retried_with_the_same_key_and_makes_one_request(
    client: Either, api: HttpApi, trouble: Any
) -> None:
    api.script.append(trouble)
    assert (await client.ask("payments.refund", REFUND)).status == "approved"
    keys = {seen.headers["Idempotency-Key"] for seen in api.seen}
    assert (len(api.seen), len(keys), len(api.requests)) == (2, 1, 1)


async def test_trouble_while_waiting_is_survived(client: Either, api: HttpApi) -> None:
    pending = request_out("payments.refund", REFUND)
    done = settled(pending, "approved")
    api.script.extend([reply(pending, 201), Drop(), problem(503, "unavailable", "Soon."), reply(done)])
    assert (await client.ask("payments.refund", REFUND)).id == pending["id"]


async def test_a_service_that_is_not_there_is_unreachable_and_surely_made_nothing(client: Either, api: HttpApi) -> None:
    await api.stop()
    with pytest.raises(Unreachable) as caught:
        await client.ask("payments.refund", REFUND, idempotency_key="k-2")
    error = caught.value
    assert (error.idempotency_key, error.request_id, error.maybe_made) == ("k-2", None, False)


async def test_a_lost_answer_leaves_it_open_whether_a_request_was_made(client: Either, api: HttpApi) -> None:
    api.script.extend([Drop(after_making=True)] * 20)
    with pytest.raises(Unreachable) as caught:
        await client.ask("payments.refund", REFUND)
    assert caught.value.maybe_made
    assert len(api.requests) == 1


async def test_a_refusal_after_a_lost_answer_leaves_it_open_too(client: Either, api: HttpApi) -> None:
    api.script.extend([Drop(after_making=True), problem(401, "unauthenticated", "Revoked.")])
    with pytest.raises(Refused) as caught:
        await client.submit("payments.refund", REFUND, idempotency_key="k-3")
    assert (caught.value.idempotency_key, caught.value.maybe_made, len(api.requests)) == ("k-3", True, 1)


async def test_unreachable_while_waiting_names_the_request(client: Either, api: HttpApi) -> None:
    pending = request_out("payments.refund", REFUND)
    api.script.extend([reply(pending, 201), *[Drop()] * 50])
    with pytest.raises(Unreachable) as caught:
        await client.ask("payments.refund", REFUND, wait=0.5)
    assert caught.value.request_id == pending["id"]


async def test_a_retry_after_beyond_the_patience_ends_at_once(client: Either, api: HttpApi) -> None:
    api.script.append(problem(429, "quota_exceeded", "1,000 are pending.", retry_after="3600"))
    with pytest.raises(Refused) as caught:
        await client.ask("payments.refund", REFUND)
    assert (caught.value.code, caught.value.retry_after, len(api.seen)) == ("quota_exceeded", 3600.0, 1)


@pytest.mark.parametrize(
    ("status", "code"), [(401, "unauthenticated"), (403, "forbidden"), (422, "invalid_field"), (413, "body_too_large")]
)
async def test_a_refusal_is_told_with_its_code_and_words(client: Either, api: HttpApi, status: int, code: str) -> None:
    api.script.append(problem(status, code, "This is why."))
    with pytest.raises(Refused, match="This is why") as caught:
        await client.ask("payments.refund", REFUND)
    assert (caught.value.status, caught.value.code, len(api.seen)) == (status, code, 1)
    assert not caught.value.maybe_made


async def test_a_key_revoked_while_waiting_ends_the_wait(client: Either, api: HttpApi) -> None:
    pending = request_out("payments.refund", REFUND)
    api.script.extend([reply(pending, 201), problem(401, "unauthenticated", "Revoked.")])
    with pytest.raises(Refused) as caught:
        await client.ask("payments.refund", REFUND)
    assert caught.value.request_id == pending["id"]


APPROVED = settled(request_out("payments.refund", REFUND), "approved")


@pytest.mark.parametrize(
    "lie",
    [
        Reply(200, b"<html>Please sign in</html>", "text/html"),
        Reply(200, json.dumps(APPROVED).encode(), "text/html"),
        Reply(200, json.dumps(APPROVED).encode()[:-40]),
        Reply(200, b'{"status":"approved"}'),
        Reply(200, b"true"),
        Reply(204),
        Reply(202, json.dumps(APPROVED).encode()),
        Reply(302, json.dumps(APPROVED).encode(), headers={"Location": "/elsewhere"}),
        Reply(200, json.dumps(APPROVED).encode().replace(b'"status"', b'"status": "denied", "status"', 1)),
        reply({**APPROVED, "status": "Approved"}),
        reply({**APPROVED, "status": ["approved"]}),
        reply({**APPROVED, "action": "payments.payout"}),
        reply({**APPROVED, "params": {"order": "A-2", "amount": 12.5}}),
        reply({**APPROVED, "params": {"order": "A-1"}}),
        reply({**APPROVED, "params": {"order": "A-1", "amount": "12.5"}}),
        reply({**APPROVED, "decision": None}),
        reply({**APPROVED, "decision": {**APPROVED["decision"], "outcome": "denied"}}),
        reply({**APPROVED, "fingerprint": "sha256:"}),
        reply({**APPROVED, "revision": True}),
        reply({**APPROVED, "id": "req_../../admin"}),
    ],
)
async def test_an_answer_that_is_no_faithful_approval_is_never_taken_for_one(
    client: Either, api: HttpApi, lie: Reply
) -> None:
    api.script.append(lie)
    with pytest.raises(Mismatch):
        await client.ask("payments.refund", REFUND)


async def test_the_approval_of_another_request_is_not_ours(client: Either, api: HttpApi) -> None:
    pending = request_out("payments.refund", REFUND)
    api.script.extend([reply(pending, 201), reply(APPROVED)])
    with pytest.raises(Mismatch) as caught:
        await client.ask("payments.refund", REFUND)
    assert caught.value.request_id == pending["id"]


async def test_an_approval_of_edited_params_is_taken_by_who_asks_for_it_alone(client: Either, api: HttpApi) -> None:
    pending = request_out("payments.refund", REFUND)
    edited = {**settled(pending, "approved"), "params": {**REFUND, "amount": 7}, "original_params": REFUND}
    api.script.extend([reply(pending, 201), reply(edited)] * 2)
    with pytest.raises(Edited) as caught:
        await client.ask("payments.refund", REFUND)
    assert (caught.value.request.params["amount"], caught.value.request_id) == (7, pending["id"])
    approved = await client.ask("payments.refund", REFUND, edits=True)
    assert approved
    assert (approved.params["amount"], approved.asked_params) == (7, REFUND)


async def test_an_edit_of_something_else_is_not_ours(client: Either, api: HttpApi) -> None:
    pending = request_out("payments.refund", REFUND)
    other = {**REFUND, "order": "B-2"}
    edited = {**settled(pending, "approved"), "params": REFUND, "original_params": other}
    api.script.extend([reply(pending, 201), reply(edited)])
    with pytest.raises(Mismatch):
        await client.ask("payments.refund", REFUND, edits=True)


async def test_a_form_is_sent_and_what_was_filled_in_comes_back(client: Either, api: HttpApi) -> None:
    form = {"fields": [{"name": "level", "type": "text"}]}
    pending = request_out("payments.refund", REFUND)
    ended = settled(pending, "approved")
    filled = {**ended, "decision": {**ended["decision"], "response": {"level": "senior"}}}
    api.script.append(reply(filled, 201))
    approved = await client.ask("payments.refund", REFUND, form=form)
    assert json.loads(api.seen[-1].body)["form"] == form
    assert approved.decision is not None
    assert approved.decision.response == {"level": "senior"}


async def test_params_that_change_while_waiting_are_not_ours(client: Either, api: HttpApi) -> None:
    pending = request_out("payments.refund", REFUND)
    edited = {**settled(pending, "approved"), "params": {**REFUND, "amount": 9999}}
    api.script.extend([reply(pending, 201), reply(edited)])
    with pytest.raises(Mismatch):
        await client.ask("payments.refund", REFUND)


async def test_a_wait_that_runs_out_leaves_the_request_and_can_be_taken_up(client: Either, api: HttpApi) -> None:
    api.answer = None
    with pytest.raises(StillPending) as caught:
        await client.ask("payments.refund", REFUND, wait=0)
    request = caught.value.request
    await api.settle(request.id, "approved")
    assert (await client.wait(request)).id == request.id
    assert (await client.wait(request.id, wait="5s")).id == request.id


async def test_submitting_returns_at_once_and_waiting_compares_with_it(client: Either, api: HttpApi) -> None:
    api.answer = None
    request = await client.submit("payments.refund", REFUND)
    assert "Prefer" not in api.seen[0].headers
    changed = {**settled(api.requests[request.id], "approved"), "params": {"order": "A-9"}}
    api.script.append(reply(changed))
    with pytest.raises(Mismatch):
        await client.wait(request)


async def test_with_progress_the_request_is_told_before_the_decision(client: Either, api: HttpApi) -> None:
    pending = request_out("payments.refund", REFUND)
    api.script.extend([Drop(), reply(pending, 201), reply(settled(pending, "approved"))])
    told: list[Progress] = []
    await client.ask("payments.refund", REFUND, progress=told.append)
    assert told[0].trouble is not None
    assert told[-1].trouble is None
    assert told[-1].request is not None
    assert told[-1].request.id == pending["id"]


async def test_reading_listing_and_cancelling(client: Either, api: HttpApi) -> None:
    api.answer = None
    first = await client.submit("payments.refund", REFUND)
    second = await client.submit("payments.refund", REFUND)
    assert [item.id for item in (await client.list()).items] == [second.id, first.id]
    assert (await client.cancel(first.id)).status == "cancelled"
    assert (await client.cancel(first.id)).status == "cancelled"
    assert (await client.get(first.id)).status == "cancelled"
    await api.settle(second.id, "approved")
    with pytest.raises(Refused):
        await client.cancel(second.id)
    assert [item.id for item in (await client.list(status="approved")).items] == [second.id]
    with pytest.raises(Unusable, match="no status"):
        await client.list(status="done")


async def test_a_submission_that_fails_names_its_key(client: Either, api: HttpApi) -> None:
    api.script.append(problem(403, "forbidden", "Not yours."))
    with pytest.raises(Refused) as caught:
        await client.submit("payments.refund", REFUND, idempotency_key="k-3")
    assert caught.value.idempotency_key == "k-3"


async def test_an_id_that_is_none_is_never_put_into_an_address(client: Either, api: HttpApi) -> None:
    for name in ("get", "cancel", "wait"):
        with pytest.raises(Unusable):
            await getattr(client, name)("req_1/../../admin")
    assert api.seen == []


async def test_more_questions_wait_at_once_than_a_usual_pool_of_connections_holds(api: HttpApi) -> None:
    api.answer, api.longest_hold = None, 55
    async with AsyncSayso(api.url, KEY) as client:
        asking = [asyncio.ensure_future(client.ask("payments.refund", {"n": n})) for n in range(150)]
        await wait_until(lambda: len(api.requests) == 150)
        for request_id in list(api.requests):
            await api.settle(request_id, "approved")
        approvals = await asyncio.gather(*asking)
    assert [approval.params["n"] for approval in approvals] == list(range(150))
