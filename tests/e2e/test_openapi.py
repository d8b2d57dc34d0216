"""The OpenAPI document is true: the running service gives no answer that it does not describe, and no 5xx."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
)

from sayso_bot import errors
from sayso_bot.http.openapi import document
from service import QUICK, ServiceProcess, serving

DOCUMENT = document(version("sayso"))
ERRORS_PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
QUICKLY = settings(
    max_examples=25,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CALLS = {
    "submit": ("/v1/requests", "POST"),
    "read": ("/v1/requests/{id}", "GET"),
    "cancel": ("/v1/requests/{id}/cancel", "POST"),
}
POLICY = """
rules:
  - {action: no.*, deny: Never.}
  - {action: yes.*, allow: true}
  - {action: "*", ask: {channel: inbox, approvers: [operator], timeout: 1h, forms: true}}
"""
AGENTS, ADMINS = "^/v1/requests", "^/v1/admin/(?!policy)"
CONTRADICTIONS = ("is above max", "stands twice", "must differ", "invisible characters")
schema = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServiceProcess, str]]:
    """A running service, and an agent's key."""
    with ServiceProcess(tmp_path_factory.mktemp("openapi")) as process:
        yield process, asyncio.run(process.key())


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServiceProcess, str]]:
    """Another, for nothing can be asked while everything is paused, and an admin's key."""
    with ServiceProcess(tmp_path_factory.mktemp("openapi_admin")) as process:
        yield process, asyncio.run(process.key("terraform", kinds=frozenset({"admin"})))


def test_every_call_is_an_agent_s_or_an_admin_s() -> None:
    """What is about the policy has a test of its own."""
    assert all(re.search(f"{AGENTS}|{ADMINS}|^/v1/admin/policy", path) for path in DOCUMENT["paths"])


def test_calls_have_names_of_one_form_and_each_its_own() -> None:
    names = [call["operationId"] for path in DOCUMENT["paths"].values() for call in path.values()]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch("[a-z]+([A-Z][a-z]+)*", name)] == []


@schema.include(path_regex=ADMINS).parametrize()
@settings(QUICKLY, max_examples=5)
def test_every_answer_to_an_admin_is_one_that_the_document_describes(
    case: Any, office: tuple[ServiceProcess, str]
) -> None:
    """What is refused depends on what was done before, which no schema foretells."""
    process, key = office
    answer = case.call(base_url=process.url, headers={"Authorization": f"Bearer {key}"})
    foretold = answer.status_code not in (409, 412, 413, 422, 428)
    beyond = [] if foretold else [positive_data_acceptance, negative_data_rejection, missing_required_header]
    case.validate_response(answer, excluded_checks=beyond)


@schema.include(path_regex=AGENTS).parametrize()
@QUICKLY
def test_every_answer_is_one_that_the_document_describes(case: Any, gate: tuple[ServiceProcess, str]) -> None:
    """With well-formed and ill-formed calls alike; schemathesis makes both."""
    process, key = gate
    answer = case.call(base_url=process.url, headers={"Authorization": f"Bearer {key}"})
    case.validate_response(answer, excluded_checks=_beyond_schemas(answer))


def _beyond_schemas(answer: Any) -> list[Any]:
    """The checks that do not hold of this answer, because no schema foretells what it refuses.

    A key used for two bodies, a value that is not I-JSON, a body beyond all bounds (which the check does not expect),
    fields of a form that contradict one another.
    """
    if answer.status_code == 413:
        return [negative_data_rejection]
    if answer.status_code != 422:
        return []
    told = answer.json()
    of_json = told.get("field", "").startswith(("params", "metadata")) or "the character NUL" in told["detail"]
    contradicts = told.get("field", "").startswith("form.fields") and any(
        what in told["detail"] for what in CONTRADICTIONS
    )
    beyond = told["code"] == "idempotency_mismatch" or of_json or contradicts or told.get("field") == "form"
    return [positive_data_acceptance] if beyond else []


async def test_what_becomes_of_requests_is_described_too() -> None:
    """Requests that exist, in each state, and the refusals that no random call reaches."""
    seen: set[tuple[str, int, str]] = set()

    def described(answer: httpx.Response, call: str, told: str) -> Any:
        path, method = CALLS[call]
        schema[path][method].validate_response(answer)
        body = answer.json()
        assert told in (body.get("status"), body.get("code")), body
        seen.add((call, answer.status_code, told))
        return body

    async with serving(policy=POLICY) as sayso:
        agent = await sayso.agent(quotas=replace(QUICK, pending=4))

        async def ask(told: str, *, action: str = "a.b", **headers: str) -> str:
            answer = await agent.post("/v1/requests", json={"action": action, "params": {}}, headers=headers)
            return str(described(answer, "submit", told).get("id"))

        async def read(request: str, told: str) -> None:
            described(await agent.get(f"/v1/requests/{request}?wait=0.01"), "read", told)

        async def cancel(request: str, told: str) -> None:
            described(await agent.post(f"/v1/requests/{request}/cancel"), "cancel", told)

        for outcome, told in (("approve", "approved"), ("deny", "denied")):
            request = await ask("pending", **{"Idempotency-Key": outcome, "Prefer": "wait=0"})
            await read(request, "pending")
            await sayso.vote(request, outcome, reason="Looked at it")
            assert await ask(told, **{"Idempotency-Key": outcome}) == request
            await read(request, told)
            await cancel(request, "settled")
        await read(await ask("denied", action="no.way"), "denied")
        await read(await ask("approved", action="yes.sir"), "approved")
        withdrawn = await ask("pending")
        await cancel(withdrawn, "cancelled")
        await read(withdrawn, "cancelled")
        await ask("idempotency_mismatch", action="x", **{"Idempotency-Key": "deny"})
        for _ in range(4):
            await ask("pending")
        await ask("quota_exceeded")
        await ask("wrong_host", Host="evil.example")
        await ask("unauthenticated", Authorization="Bearer sk_main_unknown")
        schema["/v1/requests"]["GET"].validate_response(await agent.get("/v1/requests?limit=3"))
        sayso.redis.kill()
        await ask("unavailable")
    assert {(call, status) for call, status, _ in seen} >= {
        ("submit", 201), ("submit", 200), ("submit", 422), ("submit", 429), ("submit", 421), ("submit", 503),
        ("read", 200), ("cancel", 200), ("cancel", 409),
    }  # fmt: skip


def test_the_service_serves_the_document_and_it_is_openapi_3_1(gate: tuple[ServiceProcess, str]) -> None:
    process, _ = gate
    served = httpx.get(f"{process.url}/openapi.json", trust_env=False)
    assert served.json() == DOCUMENT
    assert served.headers["Cache-Control"] == "no-store"
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_the_document_names_every_field_that_a_submission_may_have() -> None:
    """Fields whose behaviour is not built yet are not promised."""
    body = DOCUMENT["components"]["schemas"]["SubmitBody"]
    assert body["additionalProperties"] is False
    assert body["required"] == ["action", "params"]
    assert set(body["properties"]) == {
        "action", "params", "summary", "reasoning", "diff", "links", "metadata", "on_behalf_of", "intent", "timeout",
        "form", "urgency",
    }  # fmt: skip


def _codes(kind: type[errors.SaysoError]) -> Iterator[type[errors.SaysoError]]:
    if "code" in vars(kind) or kind is errors.Internal:
        yield kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from _codes(below)


ALL = {kind.code: kind for kind in _codes(errors.SaysoError)}


def test_every_code_is_in_the_table_of_errors_with_its_status_title_and_anchor() -> None:
    row = re.compile(r'^\| <a id="(\w+)"></a>`(\w+)` \| (\d+) \| ([^|]+) \| ([^|]{20,}) \|$', re.MULTILINE)
    rows = row.findall(ERRORS_PAGE.read_text())
    assert all(anchor == code for anchor, code, *_ in rows)
    told = [(code, int(status), title) for _, code, status, title, _ in rows]
    assert sorted(told) == sorted((code, kind.status, kind.title) for code, kind in ALL.items())


def test_the_tree_in_errors_py_is_drawn_as_it_is() -> None:
    drawn = re.findall(r"── (\w+) +(\w+) +(\d{3})$", errors.__doc__ or "", re.MULTILINE)
    assert {(name, code, int(status)) for name, code, status in drawn} == {
        (kind.__name__, code, kind.status) for code, kind in ALL.items() if kind is not errors.Unusable
    }


def test_schemathesis_would_notice_a_server_error() -> None:
    """The checks that these tests rely on are on."""
    assert not_a_server_error in schemathesis.checks.CHECKS.get_all()
