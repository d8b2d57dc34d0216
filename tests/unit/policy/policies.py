"""Small policies and asks for the tests of this folder."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import Any

from sayso_bot.domain.policy import Asked, Verdict
from sayso_bot.domain.request import Claims
from sayso_bot.policy import LoadedPolicy, PolicyInvalid, load

RULE = "rules:\n  - action: a\n"
"""The beginning of a policy with one rule: what follows is of that rule."""


def policy(text: str) -> LoadedPolicy:
    return load(dedent(text), "policy.yaml")


def problems(text: str) -> list[str]:
    """``LINE:COLUMN: SENTENCE`` for each problem of an invalid policy; empty for a valid one."""
    try:
        policy(text)
    except PolicyInvalid as error:
        return [f"{problem.line}:{problem.column}: {problem.sentence}" for problem in error.problems]
    return []


def ask(action: str = "act", *, agent: str = "billing", claims: Claims | None = None, **params: Any) -> Asked:
    return Asked(action, params, agent, claims or Claims())


def guarded(params: str, when: str) -> LoadedPolicy:
    """A rule ``guard`` that denies where ``when`` is true, above one that allows."""
    condition = indent(when, " " * 6)
    return load(
        f"rules:\n  - name: guard\n    action: act\n    params: {params}\n    when: |\n{condition}\n"
        "    deny: guarded\n  - name: open\n    action: act\n    allow: true\n",
        "policy.yaml",
    )


def verdict(params: str, when: str, *, claims: Claims | None = None, **values: Any) -> Verdict:
    return guarded(params, when).judge(ask(claims=claims, **values))
