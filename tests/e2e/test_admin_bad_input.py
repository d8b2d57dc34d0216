"""What no admin can do: each refusal in its own words, and nothing half done. One service for all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from e2e.admin_office import Admin, administering, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin_of_module() -> AsyncIterator[Admin]:
    async with administering() as admin:
        yield admin


@pytest.mark.parametrize(
    ("body", "status", "code", "said"),
    [
        ({"action": "payments.*", "channel": "payments"}, 409, "no_effect", "asks all of payments.* in payments"),
        ({"action": "payments.*", "channel": "slack:T0TEAM/C0PAYMENTS"}, 409, "no_effect", "anyway"),
        ({"action": "rockets.*", "channel": "ops"}, 409, "unconfirmed", "would do nothing now"),
        ({"action": "*", "channel": "ops"}, 409, "unconfirmed", "names every action that is asked"),
        ({"action": "read.*", "channel": "ops"}, 409, "unconfirmed", "nobody could answer in ops"),
        ({"action": "payments.*", "channel": "elsewhere"}, 422, "invalid_field", "The book main has no channel called"),
        ({"action": "payments.*", "channel": "matrix:room"}, 422, "invalid_field", "is not offered"),
        ({"action": "payments.*", "channel": "slack:nonsense"}, 422, "invalid_field", "A Slack address is"),
        ({"action": "payments.*", "channel": "slack:T0OTHER/C0X"}, 422, "place_unusable", "another workspace"),
        ({"action": "pay ments", "channel": "ops"}, 422, "invalid_field", "action"),
        ({"action": "payments.*", "channel": "ops", "for": "5s"}, 422, "invalid_field", "at least a minute"),
        ({"action": "payments.*", "channel": "ops", "for": "367d"}, 422, "invalid_field", "at most 366 days"),
        ({"action": "payments.*", "channel": "ops", "until": "2020-01-01T00:00:00Z"}, 422, "invalid_field", "to come"),
        ({"action": "payments.*", "channel": "ops", "until": "2020-13-01T00:00:00Z"}, 422, "invalid_field", "until"),
        ({"action": "payments.*", "channel": "ops", "reason": "a\nb"}, 422, "invalid_field", "one line"),
        ({"action": "payments.*", "channel": "ops", "quorum": 1}, 422, "invalid_field", "quorum"),
        ({"action": "payments.*"}, 422, "invalid_field", "channel is required"),
        ({"action": "a" * 300_000, "channel": "ops"}, 413, "body_too_large", "at most 256 KiB"),
    ],
)  # fmt: skip
async def test_what_no_route_can_be_is_refused_in_its_own_words(
    body: dict[str, Any], status: int, code: str, said: str, admin_of_module: Admin
) -> None:
    refused(await admin_of_module.route(body), status, code, said, "Nothing was changed")
    assert await admin_of_module.listed("routes") == []
    assert admin_of_module.slack.messages == []


@pytest.mark.parametrize(
    ("body", "status", "code", "said"),
    [
        ({"agent": "nobody"}, 409, "unconfirmed", "No valid key is called “nobody”"),
        ({"action": "rockets.*"}, 409, "unconfirmed", "nothing to pause"),
        ({"action": "*"}, 409, "unconfirmed", "every action"),
        ({"action": "a", "agent": "b"}, 422, "invalid_field", "one of everything, agent and action"),
        ({}, 422, "invalid_field", "one of everything"),
        ({"everything": False}, 422, "invalid_field", "everything"),
        ({"agent": "No Such"}, 422, "invalid_field", "agent"),
    ],
)
async def test_what_cannot_be_paused_is_said(
    body: dict[str, Any], status: int, code: str, said: str, admin_of_module: Admin
) -> None:
    refused(await admin_of_module.client.post("/v1/admin/pauses", json=body), status, code, said)
    assert await admin_of_module.listed("pauses") == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "Shop"}, "name"),
        ({"name": "shop", "kinds": ["agent", "admin"]}, "No key that submits can administer"),
        ({"name": "shop", "kinds": ["approver"]}, "kinds"),
        ({"name": "shop", "kinds": []}, "kinds"),
        ({"name": "shop", "actions": ["pay ments"]}, "actions"),
        ({"name": "shop", "principal": "ana"}, "principal"),
        ({"name": "shop", "quotas": {"rate": 0}}, "quotas.rate"),
    ],
)
async def test_what_no_key_can_be_makes_none(body: dict[str, Any], said: str, admin_of_module: Admin) -> None:
    before = len(await admin_of_module.listed("keys"))
    refused(await admin_of_module.client.post("/v1/admin/keys", json=body), 422, "invalid_field", said)
    assert len(await admin_of_module.listed("keys")) == before
