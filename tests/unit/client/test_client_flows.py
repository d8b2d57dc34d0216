"""The flows alone, with a clock of their own: how long they go on, and that no answer whatever slips through."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.http_api import request_out, settled
from sayso.asking import Core, Flow, Patience
from sayso.durations import left, seconds, written
from sayso.errors import Refused, SaysoError, StillPending, Unreachable, Unusable
from sayso.question import Question
from sayso.request import Approval
from sayso.wire import Answer, Call, Lost
from unit.seconds import Seconds

PARAMS: dict[str, Any] = {"order": "A-1", "amount": 10, "urgent": True, "lines": [1, None, "x"]}
QUESTION = Question.of("payments.refund", PARAMS, {})
PENDING = request_out("payments.refund", PARAMS)
APPROVED = settled(PENDING, "approved")


def core(clock: Seconds, *, connect: float = 30, reconnect: float = 900) -> Core:
    return Core(Patience(connect, reconnect), clock=clock, jitter=lambda: 1.0)


def good(value: Any, status: int = 200) -> Answer:
    return Answer(status, "application/json", None, json.dumps(value).encode())


def later(status: int, retry_after: str | None = None) -> Answer:
    return Answer(status, "text/plain", retry_after, b"")


def drive(flow: Flow[Approval], clock: Seconds, replies: Iterable[Answer | Lost], *, held: bool = True) -> list[Call]:
    """Carry ``flow`` out on ``clock`` and return its calls. With ``held`` each pending answer takes its whole hold."""
    calls = [next(flow)]
    for reply in replies:
        clock.now += calls[-1].after
        if held and isinstance(reply, Answer) and b'"pending"' in reply.body:
            clock.now += calls[-1].hold
        try:
            calls.append(flow.send(reply))
        except StopIteration:
            break
    return calls


def test_waits_between_attempts_grow_and_are_bounded() -> None:
    clock = Seconds()
    calls = drive(core(clock, connect=1e6).ask(QUESTION), clock, [Lost("away.", sent=False)] * 9)
    assert [call.after for call in calls[1:]] == [0.25, 0.5, 1, 2, 4, 8, 10, 10, 10]


def test_retry_after_is_never_undercut() -> None:
    clock = Seconds()
    calls = drive(core(clock).ask(QUESTION), clock, [later(503, "7"), later(429, "3")])
    assert [call.after for call in calls[1:]] == [7.25, 3.5]


def test_a_service_that_never_comes_is_given_up_within_the_patience() -> None:
    clock = Seconds()
    with pytest.raises(Unreachable):
        drive(core(clock, connect=30).ask(QUESTION), clock, [Lost("away.", sent=False)] * 100)
    assert 15 < clock.now <= 30


def test_an_outage_while_waiting_is_borne_much_longer() -> None:
    clock = Seconds()
    replies: list[Answer | Lost] = [good(PENDING), *[Lost("away.", sent=True)] * 20, good(APPROVED)]
    drive(core(clock).ask(QUESTION), clock, replies)
    assert clock.now > 150


def test_a_certificate_that_cannot_be_checked_is_not_tried_again() -> None:
    clock = Seconds()
    with pytest.raises(Unreachable, match="certificate"):
        drive(core(clock).ask(QUESTION), clock, [Lost("its certificate cannot be verified.", sent=False, final=True)])


def test_a_service_that_does_not_hold_is_not_hammered() -> None:
    clock = Seconds()
    calls = drive(core(clock).ask(QUESTION), clock, [good(PENDING)] * 8, held=False)
    assert [call.after for call in calls[1:]] == [0.0, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


def test_a_wait_ends_on_time_and_asks_for_no_more_than_is_left() -> None:
    clock = Seconds()
    with pytest.raises(StillPending):
        drive(core(clock).ask(QUESTION, wait=80), clock, [good(PENDING)] * 5)
    assert clock.now == 80


def test_a_429_to_the_end_is_a_refusal() -> None:
    clock = Seconds()
    with pytest.raises(Refused) as caught:
        drive(core(clock).ask(QUESTION), clock, [later(429)] * 100)
    assert caught.value.status == 429


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, width=16) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
statuses = st.sampled_from(
    [100, 200, 201, 202, 204, 206, 301, 304, 400, 401, 404, 409, 422, 429, 500, 503]
) | st.integers(100, 999)
media_types = st.sampled_from(["application/json", "application/json; charset=utf-8", "text/html", "", "text/json"])


@given(
    status=statuses,
    media_type=media_types,
    body=st.binary(max_size=40) | json_values.map(lambda v: json.dumps(v).encode()),
)
def test_no_random_answer_is_an_approval(status: int, media_type: str, body: bytes) -> None:
    clock = Seconds()
    with pytest.raises(SaysoError):
        drive(core(clock).ask(QUESTION), clock, [Answer(status, media_type, None, body)] * 100)


MUST_HOLD = ("id", "status", "action", "params", "decision", "fingerprint", "revision")


@given(data=st.data(), status=statuses, media_type=media_types)
def test_an_approval_with_one_thing_changed_is_one_only_if_it_still_says_the_same(
    data: st.DataObject, status: int, media_type: str
) -> None:
    answer = copy.deepcopy(APPROVED)
    name = data.draw(st.sampled_from(MUST_HOLD))
    value = data.draw(json_values | st.sampled_from(["approved", "denied", "pending", True, 1, 1.0]))
    inner = data.draw(st.booleans())
    if inner and name in ("params", "decision"):
        answer[name][data.draw(st.sampled_from(sorted(answer[name])))] = value
    else:
        answer[name] = value
    clock = Seconds()
    replies: list[Answer | Lost] = [good(PENDING)]
    replies += [Answer(status, media_type, None, json.dumps(answer).encode())] * 200
    flow = core(clock).ask(QUESTION)
    try:
        approval = finish(flow, clock, replies)
    except SaysoError:
        return
    assert status in (200, 201)
    assert media_type.startswith("application/json")
    assert isinstance(approval, Approval)
    assert approval.id == PENDING["id"]
    assert (answer["status"], answer["action"]) == ("approved", "payments.refund")
    assert answer["decision"]["outcome"] == "approved"
    assert json.dumps(answer["params"], sort_keys=True).replace("1.0", "1") == json.dumps(
        PARAMS, sort_keys=True
    ).replace("1.0", "1")


def finish(flow: Flow[Approval], clock: Seconds, replies: list[Answer | Lost]) -> Approval:
    call = next(flow)
    for reply in replies:
        clock.now += call.after + call.hold
        try:
            call = flow.send(reply)
        except StopIteration as end:
            return cast(Approval, end.value)
    raise Unreachable("The replies ran out.")


@pytest.mark.parametrize(
    ("given_as", "in_seconds"), [("90s", 90), ("15m", 900), ("2h", 7200), ("3d", 259200), (1.5, 1.5)]
)
def test_durations_read_as_people_write_them(given_as: str | float, in_seconds: float) -> None:
    assert seconds(given_as) == in_seconds


@pytest.mark.parametrize("nonsense", ["", "15", "1h30m", "m", "-5s", -1, float("nan"), float("inf"), True, "٣m"])
def test_what_is_no_duration_is_refused(nonsense: Any) -> None:
    with pytest.raises(Unusable):
        seconds(nonsense)


def test_a_deadline_is_whole_seconds() -> None:
    assert (written("15m"), written(900)) == ("15m", "900s")
    with pytest.raises(Unusable):
        written(0.5)


def test_time_left_reads_well() -> None:
    assert [left(s) for s in (-3, 0.2, 65, 3700, 90000)] == ["0 s", "1 s", "1 min 05 s", "1 h 01 min", "1 d 1 h"]
