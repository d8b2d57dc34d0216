"""Everything that lies in Redis, held against what the model says must lie there."""

from __future__ import annotations

from typing import Any

from book import lying_in
from contract.desk_model import Model
from sayso_bot.domain.pauses import Scope
from sayso_bot.domain.request import Status
from sayso_bot.store.codec import request_of
from sayso_bot.store.keys import spec_of
from sayso_bot.store.live import pause_of
from sayso_bot.store.redis import RedisStore


async def check(store: RedisStore, model: Model) -> None:
    """Raises AssertionError at the first difference."""
    lying = await lying_in(store)
    assert all(spec_of(store.keys.tag + name, store.keys.book) for name in lying)
    for request_id, expected in model.requests.items():
        assert request_of(lying[f"request:{request_id}"]) == expected
    assert {name for name in lying if name.startswith("request:")} == {f"request:{each}" for each in model.requests}
    _check_indexes(lying, model)
    _check_usage(lying, model)
    for request_id in model.wanted:
        _check_card(lying, model, request_id)
    _check_pause(lying, model)
    _check_journal(lying["journal"], model)


def _check_indexes(lying: dict[str, Any], model: Model) -> None:
    def members(name: str) -> list[str]:
        return [member for member, _ in lying.get(name, [])]

    requests = model.requests.values()
    for status in Status:
        assert set(members(f"index:status:{status}")) == {each.id for each in requests if each.status is status}
    assert members("index:all") == members(f"index:agent:{model.key.name}") == list(model.requests)
    for action in {each.action for each in requests}:
        assert members(f"index:action:{action}") == [each.id for each in requests if each.action == action]
    ends = {each.id: each.expires_at.timestamp() * 1000 for each in model.pending if each.expires_at}
    assert dict(lying.get("deadlines", [])) == ends


def _check_usage(lying: dict[str, Any], model: Model) -> None:
    def size(request_id: str) -> int:
        kept = {name: len(held.encode()) for name, held in lying[f"request:{request_id}"].items()}
        briefs = sum(length for name, length in kept.items() if name.startswith("brief:"))
        return kept["body"] + kept.get("edit", 0) + kept.get("edits", -1) + 1 + briefs

    usage = {name: int(held) for name, held in lying.get(f"usage:{model.key.name}", {}).items()}
    pending = [each.id for each in model.pending]
    assert usage.get("pending", 0) == len(pending)
    assert usage.get("bytes", 0) == sum(map(size, pending))
    if model.requests:
        counters = lying["counters"]
        assert (int(counters["seq"]), int(counters["bytes"])) == (len(model.requests), sum(map(size, model.requests)))


def _check_card(lying: dict[str, Any], model: Model, request_id: str) -> None:
    """The versions, the hint, and a button for each revision that there was."""
    request = model.requests[request_id]
    assert request.requirement is not None
    place = request.requirement.place
    post = lying[f"post:{request_id}:{place}"]
    assert (int(post["wanted"]), int(post["posted"])) == (model.wanted[request_id], model.posted[request_id])
    hinted = request_id in dict(lying.get(f"work:{place}", []))
    assert hinted is (model.wanted[request_id] != model.posted[request_id])
    assert (place in dict(lying.get("places", []))) is bool(lying.get(f"work:{place}"))
    meant = [held for name, held in lying.items() if name.startswith("button:") and held.startswith(request_id)]
    due = [f"{request_id} {revision} {place}" for revision in range(1, request.revision + 1)]
    assert sorted(meant) == sorted(due)
    assert lying[f"button:{post['button']}"] == due[-1]


def _check_pause(lying: dict[str, Any], model: Model) -> None:
    assert int(lying["epochs"].get("pause", 0)) == model.turns
    lines = lying["epochs"].get("pauses", "").split("\n")
    assert [pause_of(line).scope for line in lines if line] == model.paused
    assert ("since" in lying.get("pause", {})) is (Scope() in model.paused) is (model.turns % 2 == 1)


def _check_journal(entries: list[dict[str, str]], model: Model) -> None:
    refusals = ("vote_refused", "edit_refused", "admin_refused")
    assert [(each["kind"], each["request"]) for each in entries if each["kind"] not in refusals] == model.journal
    told = [each for each in entries if each["kind"] in refusals]
    assert len(told) == model.refused.total()
