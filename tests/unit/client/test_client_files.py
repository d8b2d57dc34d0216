"""Downloading what an approver has uploaded: the digest is checked, and nothing else is taken for the file."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from fakes.http_api import Half, HttpApi, Reply, problem, reply, request_out, settled
from sayso import File, Mismatch, Refused, Unusable
from unit.client.either import Either

CONTENT = b"a signed paper" * 1000
TOLD: dict[str, Any] = {
    "id": "file_" + "0f" * 16,
    "name": "paper.pdf",
    "type": "application/pdf",
    "size": len(CONTENT),
    "digest": f"sha256:{hashlib.sha256(CONTENT).hexdigest()}",
}


def the_file(content: bytes = CONTENT) -> Reply:
    return Reply(200, content, "application/octet-stream")


def with_files() -> dict[str, Any]:
    request = settled(request_out(), "approved")
    request["files"] = [{**TOLD, "field": "papers", "by": "email:ana@example.com", "at": "2026-11-23T18:00:00.000Z"}]
    request["decision"]["response"] = {"papers": [TOLD]}
    return request


async def test_what_was_uploaded_is_in_the_response_and_can_be_saved(api: HttpApi, client: Either) -> None:
    told = with_files()
    api.script.extend([reply(told), the_file(), the_file()])
    request = await client.get(told["id"])
    assert request.files == (File.of(TOLD),)
    assert request.decision is not None
    response: Any = request.decision.response
    assert await client.download(request, response["papers"][0]) == CONTENT
    assert await client.download(request.id, request.files[0]) == CONTENT
    assert api.seen[-1].path == f"/v1/requests/{told['id']}/files/{TOLD['id']}"


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", b"y" + CONTENT[1:], b"<html>a proxy's page</html>"])
async def test_other_content_is_never_handed_over(api: HttpApi, client: Either, content: bytes) -> None:
    api.script.append(the_file(content))
    with pytest.raises(Mismatch):
        await client.download(with_files()["id"], TOLD)


async def test_a_broken_or_late_answer_is_asked_for_again(api: HttpApi, client: Either) -> None:
    api.script.extend([Half(CONTENT), problem(503, "unavailable", "Later.", retry_after="0"), the_file()])
    assert await client.download(with_files()["id"], TOLD) == CONTENT


async def test_a_refusal_is_told(api: HttpApi, client: Either) -> None:
    api.script.append(problem(404, "not_found", "This request has no file with this id."))
    with pytest.raises(Refused) as told:
        await client.download(with_files()["id"], TOLD)
    assert told.value.code == "not_found"


@pytest.mark.parametrize("wrong", [{}, {**TOLD, "size": "1"}, {**TOLD, "id": "../x"}, {**TOLD, "digest": None}])
async def test_what_is_no_file_is_not_asked_for(api: HttpApi, client: Either, wrong: dict[str, Any]) -> None:
    with pytest.raises(Unusable):
        await client.download(with_files()["id"], wrong)
    assert api.seen == []


async def test_a_file_that_is_none_in_an_answer_is_a_mismatch(api: HttpApi, client: Either) -> None:
    told = with_files()
    told["files"][0]["digest"] = "sha256:short"
    api.script.append(reply(told))
    with pytest.raises(Mismatch):
        await client.get(told["id"])
