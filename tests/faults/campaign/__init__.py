"""Hurts a running Sayso while many agents and people use it, and holds it to what it told them.

``python -m faults.campaign`` runs it. `plan` says from a seed what happens to each request and in which order the
faults come; `world` runs the real processes; `agents`, `people` and `platform` use them and write down in the `ledger`
what they were told; `faults` hurts; `balance` holds the ledger against what lies in Redis and in Slack.
"""
