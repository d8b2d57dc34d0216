"""What a long policy costs others: neither while it is read nor when it is let go does anybody wait for long."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from sayso_bot.cli import garbage
from sayso_bot.policy import PolicyInvalid, document, documents, load
from sayso_bot.policy.documents import KEPT, Documents

RULES = 500


def text(number: int, rules: int = RULES) -> str:
    each = "".join(f"  - {{action: a{n}.b, deny: No.}}\n" for n in range(rules))
    return f'# {number}\nrules:\n{each}  - {{action: "*", ask: {{channel: inbox}}}}\n'


class Freed(list[Any]):
    """Notes how many are let go at a time."""

    def __init__(self, many: list[Any]) -> None:
        super().__init__(many)
        self.parts: list[int] = []

    def __delitem__(self, which: Any) -> None:
        before = len(self)
        super().__delitem__(which)
        self.parts.append(before - len(self))


@pytest.fixture
def freed(monkeypatch: pytest.MonkeyPatch) -> list[Freed]:
    """What was let go of in parts."""
    found: list[Freed] = []

    def free(many: list[Any]) -> None:
        found.append(Freed(many))
        many.clear()
        document_free(found[-1])

    document_free = document.free
    monkeypatch.setattr(document, "free", free)
    monkeypatch.setattr(documents, "free", free)
    return found


PARTS = [document.FREED_AT_ONCE, document.FREED_AT_ONCE, RULES + 1 - 2 * document.FREED_AT_ONCE]


def test_the_oldest_document_is_let_go_in_parts_and_the_others_are_kept(freed: list[Freed]) -> None:
    known = Documents()
    read = [known.checked(text(number), "x") for number in range(KEPT)]
    freed.clear()
    read.append(known.checked(text(KEPT), "x"))
    assert freed[-1].parts == PARTS
    assert [known.in_force(text(number)) is policy for number, policy in enumerate(read)] == [False] + [True] * KEPT
    oldest = weakref.ref(read.pop(0))
    assert oldest() is None, "nobody holds it any more"


def test_what_rules_were_read_from_is_let_go_in_parts_when_they_have_been_read(freed: list[Freed]) -> None:
    policy = load(text(1), "x")
    assert len(policy.in_order) == RULES + 1
    assert [each.parts for each in freed] == [PARTS, PARTS], "as they were read, and as they are written"


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
    monkeypatch.setattr(garbage, "RARE_LOOK_SECONDS", 0.001)
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
