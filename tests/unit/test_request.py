"""Ids and times as everybody outside is told them."""

from __future__ import annotations

import inspect
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import fields, replace

from sayso_bot.domain.brief import Brief
from sayso_bot.domain.policy import Asked, Placement
from sayso_bot.domain.request import (
    REQUEST_ID,
    Claims,
    Decision,
    Request,
    Requirement,
    Vote,
    new_request_id,
    rfc3339,
)
from sayso_bot.ports import Draft, Work
from sayso_bot.testing.samples import a_request, a_requirement

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(9999, 12, 30), timezones=zones)


@given(times)
@example(datetime(2515, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC))
def test_a_time_is_told_in_utc_to_the_millisecond_that_has_begun(at: datetime) -> None:
    utc = at.astimezone(UTC)
    assert rfc3339(at) == f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03}Z"


@given(st.datetimes(min_value=datetime(1970, 1, 2), timezones=st.just(UTC)))
def test_an_id_is_a_uuid_of_version_7_for_its_time(at: datetime) -> None:
    made = new_request_id(at)
    assert REQUEST_ID.match(made)
    found = uuid.UUID(made.removeprefix("req_"))
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert found.int >> 80 == int(at.timestamp() * 1000)
    assert made != new_request_id(at)


def test_what_is_remembered_of_rules_that_ask_other_people_is_found_at_once() -> None:
    """A table whose entries all have one hash is looked through one by one."""
    asked = [a_requirement("slack:C1", approvers=(f"email:{n}@example.com",)) for n in range(100)]
    assert len({hash(each) for each in asked}) == len(asked)
    groups = [a_requirement("slack:C1", approvers=("email:a@example.com",), group=f"group {n}") for n in range(100)]
    assert len({hash(each) for each in groups}) == len(groups)
    assert hash(replace(asked[0])) == hash(asked[0])


@pytest.mark.parametrize("kind", [Claims, Requirement, Vote, Decision, Request, Brief, Asked, Placement, Draft, Work])
def test_whoever_writes_an_adapter_can_look_at_what_a_record_holds(kind: type[Struct]) -> None:
    assert (
        set(inspect.signature(kind).parameters) == {field.name for field in fields(kind)} == set(kind.__struct_fields__)
    )


def test_what_was_asked_cannot_be_changed_in_passing() -> None:
    request = a_request("slack:T1/C1")
    for name in ("params", "fingerprint", "status", "requirement", "nothing"):
        with pytest.raises(AttributeError):
            setattr(request, name, None)
        with pytest.raises(AttributeError):
            delattr(request, name)
    assert request == a_request("slack:T1/C1", id=request.id)
