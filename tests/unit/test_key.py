"""What a key may ask for, however an agent words its action."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sayso_bot.domain.key import Key

KEY = Key("key_1", "shop", frozenset({"agent"}), ("*",), "digest", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("actions", "action", "may"),
    [
        (("*",), "anything.at/all", True),
        (("payments.*",), "payments.refund.full", True),
        (("payments.*",), "payments", False),
        (("payments.*",), "xpayments.refund", False),
        (("payments.refund",), "payments.refund", True),
        (("payments.refund",), "payments_refund", False),
        (("payments.refund",), "payments.refund\n", False),
        (("files.*", "*.read"), "mail.read", True),
        ((), "payments.refund", False),
    ],
)
def test_a_key_may_ask_what_one_of_its_patterns_names_whole(actions: tuple[str, ...], action: str, may: bool) -> None:
    assert replace(KEY, actions=actions).may_ask(action) is may


def test_an_action_that_is_made_to_be_slow_is_not() -> None:
    """A pattern of many stars against a long action that almost matches it: seconds, for whoever goes back to retry."""
    key = replace(KEY, actions=("*a" * 60 + "*b",) * 10)
    began = time.perf_counter()
    assert not key.may_ask("a" * 128)
    assert time.perf_counter() - began < 0.1
