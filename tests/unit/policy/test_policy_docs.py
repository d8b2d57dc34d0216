"""The examples of docs/policy.md are policies and cases, its commands run, and they do what the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from sayso_bot.domain.request import Cause
from sayso_bot.policy import load
from sayso_bot.policy.cases import cases_of, run
from sayso_bot.policy.conditions import MAX_EXPRESSION, WALKED, WHOLE
from sayso_bot.policy.grammar import MAX_EXAMPLES, MAX_RULES
from sayso_bot.policy.source import MAX_BYTES
from unit.policy.policies import ask

PAGE = (Path(__file__).parents[3] / "docs" / "policy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES = [text for text in BLOCKS if "\ncases:" not in text]
CASES = [text for text in BLOCKS if "\ncases:" in text]
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_a_policy(text: str) -> None:
    assert load(text, "docs/policy.md").rules


def test_the_first_example_asks_two_people_for_large_refunds() -> None:
    loaded = load(EXAMPLES[0], "docs/policy.md")
    large = loaded.judge(ask("payments.refund", amount=900, order="A-1"))
    assert large.requirement is not None
    assert (large.rule, large.requirement.quorum, large.requirement.high_risk) == ("large refunds", 2, True)
    assert loaded.judge(ask("payments.refund", amount=20, order="A-1")).rule == "refunds"
    assert loaded.judge(ask("files.read.log")).kind == "allow"
    assert loaded.judge(ask("db.drop.table")).reason == "Schema is never dropped by an agent."


def test_the_second_example_keeps_production_from_slipping_past() -> None:
    loaded = load(EXAMPLES[1], "docs/policy.md")
    for target in ({"zone": "prod"}, {"zone": ["prod"]}, {}):
        assert loaded.judge(ask("deploy.web", env="dev", target=target)).rule == "production"
    assert loaded.judge(ask("deploy.web", env="dev", target={"zone": ["prod"]})).cause is Cause.POLICY_ERROR
    assert loaded.judge(ask("deploy.web", env="dev", target={"zone": "dev"})).kind == "allow"


def test_the_cases_of_the_page_hold_for_its_policy(tmp_path: Path) -> None:
    (text,) = CASES
    path = tmp_path / "policy.cases.yaml"
    path.write_text(text)
    outcomes = list(run(load(EXAMPLES[0], "policy.yaml"), cases_of(path), str(path)))
    assert len(outcomes) == 3
    assert [each.problems for each in outcomes] == [()] * 3


def test_the_page_states_the_limits_that_hold() -> None:
    assert f"{MAX_EXPRESSION:,} characters" in PAGE
    assert f"{WHOLE.characters // 1024} Ki characters of text and {WHOLE.values:,} values" in PAGE
    assert f"{WALKED.characters // 1024} Ki and {WALKED.values:,}, and 10,000 steps" in PAGE
    assert f"at most {MAX_BYTES // 1024**2} MiB and {MAX_RULES:,} rules" in PAGE
    assert f"up to {MAX_EXAMPLES} params" in PAGE


def test_every_command_of_the_page_is_written_as_a_shell_reads_it() -> None:
    assert len(COMMANDS) == 10
    assert all(shlex.split(line)[:2] == ["sayso", "policy"] for line in COMMANDS)
