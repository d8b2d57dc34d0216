"""The examples of docs/policy.md are policies, and do what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sayso_bot.domain.request import Cause
from sayso_bot.policy import load
from sayso_bot.policy.conditions import MAX_EXPRESSION, WALKED, WHOLE
from unit.policy.policies import ask

PAGE = (Path(__file__).parents[3] / "docs" / "policy.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_a_policy(text: str) -> None:
    assert load(text, "docs/policy.md").rules


def test_the_first_example_asks_two_people_for_large_refunds() -> None:
    loaded = load(EXAMPLES[0], "docs/policy.md")
    large = loaded.judge(ask("payments.refund", amount=900, order="A-1"))
    assert large.requirement is not None
    assert (large.rule, large.requirement.quorum) == ("large refunds", 2)
    assert loaded.judge(ask("payments.refund", amount=20, order="A-1")).rule == "refunds"
    assert loaded.judge(ask("files.read.log")).kind == "allow"
    assert loaded.judge(ask("db.drop.table")).reason == "Schema is never dropped by an agent."


def test_the_second_example_keeps_production_from_slipping_past() -> None:
    loaded = load(EXAMPLES[1], "docs/policy.md")
    for target in ({"zone": "prod"}, {"zone": ["prod"]}, {}):
        assert loaded.judge(ask("deploy.web", env="dev", target=target)).rule == "production"
    assert loaded.judge(ask("deploy.web", env="dev", target={"zone": ["prod"]})).cause is Cause.POLICY_ERROR
    assert loaded.judge(ask("deploy.web", env="dev", target={"zone": "dev"})).kind == "allow"


def test_the_page_states_the_limits_that_hold() -> None:
    assert f"{MAX_EXPRESSION:,} characters" in PAGE
    assert f"{WHOLE.characters // 1024} Ki characters of text and {WHOLE.values:,} values" in PAGE
    assert f"{WALKED.characters // 1024} Ki and {WALKED.values:,}, and 10,000 steps" in PAGE
