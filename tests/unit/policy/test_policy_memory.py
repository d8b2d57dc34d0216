"""What a long policy costs others: neither while it is read nor when it is let go does anybody wait for long."""

from __future__ import annotations

import asyncio
import gc
import weakref
from itertools import pairwise
from typing import Any

import pytest

from sayso_bot.cli import garbage
from sayso_bot.policy import PolicyInvalid, document, load
from sayso_bot.policy.documents import KEPT, Documents

RULES = 500
PARTS = -(-(RULES + 1) // document.FREED_AT_ONCE)


def text(number: int, rules: int = RULES) -> str:
    each = "".join(f"  - {{action: a{n}.b, deny: No.}}\n" for n in range(rules))
    return f'# {number}\nrules:\n{each}  - {{action: "*", ask: {{channel: inbox}}}}\n'


def test_the_oldest_document_is_let_go_in_parts_and_the_others_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[float] = []
    known = Documents()
    read = [known.checked(text(number), "x") for number in range(KEPT)]
    monkeypatch.setattr(document, "sleep", parts.append)
    read.append(known.checked(text(KEPT), "x"))
    assert len(parts) == 3 * PARTS, "what the new one was read from twice, and the oldest"
    assert [known.in_force(text(number)) is policy for number, policy in enumerate(read)] == [False] + [True] * KEPT
    oldest = weakref.ref(read.pop(0))
    assert oldest() is None, "nobody holds it any more"


def test_what_rules_were_read_from_is_let_go_in_parts_when_they_have_been_read(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    read, written = [], []
    rules = document._rules

    def seen(known: Any, *others: Any) -> Any:
        read.append(known.get("rules"))
        written.append(known.nodes("rules"))
        return rules(known, *others)

    monkeypatch.setattr(document, "_rules", seen)
    monkeypatch.setattr(document, "sleep", lambda _: left.append(len(read[0]) + len(written[0])))
    policy = load(text(1), "x")
    assert len(policy.in_order) == RULES + 1
    assert (len(left), left[-1]) == (2 * PARTS, 0)
    assert max(before - after for before, after in pairwise(left)) == document.FREED_AT_ONCE


@pytest.mark.parametrize("rules", ["", "rules: none\n", "rules: []\n"])
def test_a_document_without_rules_has_nothing_to_let_go(rules: str) -> None:
    with pytest.raises(PolicyInvalid):
        load(f"channels: {{payments: inbox}}\n{rules}", "x")


def test_only_a_long_policy_is_left_out_of_every_later_look(
    monkeypatch: pytest.MonkeyPatch, garbage_as_it_was: None
) -> None:
    monkeypatch.setattr(document, "MANY_OBJECTS", 1_000)
    gc.collect()
    gc.unfreeze()
    load(text(1, rules=3), "x")
    assert gc.get_freeze_count() == 0
    policy = load(text(2), "x")
    assert gc.get_freeze_count() > len(policy.in_order)
    assert gc.isenabled()


async def test_nobody_looks_for_garbage_while_a_policy_is_read(
    monkeypatch: pytest.MonkeyPatch, garbage_as_it_was: None
) -> None:
    monkeypatch.setattr(garbage, "LOOK_SECONDS", 0.001)
    looking = asyncio.create_task(garbage.look_for_garbage([]))
    await asyncio.sleep(0.01)
    gc.disable()
    await asyncio.sleep(0.01)
    looks = gc.get_stats()[0]["collections"]
    await asyncio.sleep(0.05)
    assert gc.get_stats()[0]["collections"] == looks
    gc.enable()
    await asyncio.sleep(0.05)
    assert gc.get_stats()[0]["collections"] > looks
    looking.cancel()
