"""The commands of docs/policy.md, run one after the other on the page's own policy and cases."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from unit.cli.office import Operator
from unit.policy.test_policy_docs import CASES, COMMANDS, EXAMPLES


def test_the_commands_of_the_page_do_what_it_says(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("policy.yaml").write_text(EXAMPLES[0])
    Path("policy.cases.yaml").write_text(CASES[0])
    said = {}
    for line in COMMANDS:
        words, _, into = line.partition(" > ")
        said[words] = ended = operator.run(*shlex.split(words)[1:])
        if "rollback" not in words:  # there is one version, and it is in force already
            assert ended.code == 0, (line, ended.err)
        if into:
            Path(into).write_text(ended.out)
    outs = {shlex.split(words)[2]: ended.out for words, ended in said.items()}
    assert outs["check"].splitlines()[-1].startswith("The policy is valid: sha256:")
    assert 'Asked in payments (slack:C0PAYMENTS), by the rule "large refunds".' in outs["explain"]
    assert "3 of 3 cases hold." in outs["test"]
    assert outs["show"] == EXAMPLES[0]
    assert outs["diff"] == "Both say the same.\n"
    assert "Refunds need two" in outs["list"]
    assert "In force already" in outs["rollback"]
