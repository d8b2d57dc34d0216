"""What `sayso serve` says at its start about the policy that it begins with."""

from __future__ import annotations

from pathlib import Path

from service import ServiceProcess

IN_SLACK = """
channels: {payments: "slack:C0PAYMENTS"}
rules:
  - {action: "*", ask: {channel: payments, approvers: [operator]}}
"""


def test_the_start_names_the_platforms_that_the_policy_needs_and_that_are_not_set_up(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(IN_SLACK)
    with ServiceProcess(tmp_path, {"SAYSO_POLICY": str(policy)}) as process:
        process.end()
    assert "(not set up: slack; see sayso doctor)" in process.log.read_text()
