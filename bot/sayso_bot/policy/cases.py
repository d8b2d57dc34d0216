"""Cases kept beside a policy: what an agent would ask, and what must come of it.

They are read by a grammar of their own, in the same way as the policy, and judged as a request would be. A case that
does not hold is told with the line and column of the expectation that failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

from sayso_bot.domain.policy import Asked, Verdict, format_duration
from sayso_bot.domain.request import ACTION_TYPE, NAME, Cause, Claims, Urgency
from sayso_bot.errors import Unusable
from sayso_bot.policy.engine import LoadedPolicy
from sayso_bot.policy.grammar import DURATION, MAX_NAME, MAX_QUORUM
from sayso_bot.policy.problems import Mark, Problem, Problems
from sayso_bot.policy.shapes import Choice, Line, Pattern, Shape, Text, Whole
from sayso_bot.policy.source import read
from sayso_bot.policy.tables import Each, Either, Key, Keys, Read, Values
from sayso_bot.policy.tree import parse

ENDING = ".cases.yaml"
MAX_CASES = 5000
AGENT = "agent"
_VERDICTS = ("ask", "allow", "deny")
_CAUSES = (Cause.POLICY.value, Cause.POLICY_ERROR.value)
_AGENTS = Pattern(NAME, "An agent's name is 1 to 32 of the characters a to z, 0 to 9 and -.")


@dataclass(frozen=True, slots=True)
class Case:
    """``expected`` is by key, each with where it stands."""

    name: str
    mark: Mark
    asked: Asked
    expected: dict[str, tuple[Any, Mark]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case. ``problems`` is empty where it holds; ``got`` is by the keys that it expects."""

    case: Case
    file: str
    verdict: Verdict
    got: dict[str, Any]
    problems: tuple[Problem, ...]

    @property
    def holds(self) -> bool:
        return not self.problems


def beside(policy: Path) -> list[Path]:
    """The files of cases in the policy's folder, by their names. Raises `Unusable` where there are none."""
    found = sorted(policy.parent.glob(f"*{ENDING}"))
    if not found:
        raise Unusable(f"No cases lie beside {policy}. Write some into {policy.stem}{ENDING}, or name a file of them.")
    return found


def cases_of(path: Path) -> tuple[Case, ...]:
    """The cases of a file. Raises `Unusable`, `PolicyInvalid` with all that is wrong."""
    text, source = read(path, "The file of cases")
    problems = Problems(source)
    document = case_grammar().table(parse(text, problems, "The file of cases"), problems)
    problems.raise_any()
    written: list[Read] = document.get("cases")
    return tuple(_case(case) for case in written)


def run(policy: LoadedPolicy, cases: Iterable[Case], source: str) -> Iterator[Outcome]:
    """Judge each case by ``policy``."""
    for case in cases:
        verdict = policy.judge(case.asked)
        got = {key: value for key, value in _facts(verdict).items() if key in case.expected}
        wrong = [(key, *case.expected[key]) for key in case.expected if got[key] != case.expected[key][0]]
        problems = tuple(
            Problem(
                source,
                mark.line,
                mark.column,
                f'In "{case.name}": {key} is {told(key, got[key])}, not {told(key, wanted)}.',
            )
            for key, wanted, mark in wrong
        )
        yield Outcome(case, source, verdict, got, problems)


@cache
def case_grammar() -> Keys:
    """What a file of cases may say."""
    expectation = Keys(
        {
            "verdict": Key(Choice(_VERDICTS), "What the policy says."),
            "rule": Key(Line(MAX_NAME), "The rule that decides; no rule where none does."),
            "cause": Key(Choice(_CAUSES), "policy_error where a rule could not be evaluated."),
            "channel": Key(Text(), "The channel in which it is asked."),
            "approvers": Key(Either(Text(), Each(Text(), 200)), "The group, or the list, of who may answer."),
            "quorum": Key(Whole(1, MAX_QUORUM), "How many must approve."),
            "reason": Key(Choice(("always", "deny", "never")), "Whether whoever answers must say why."),
            "timeout": Key(DURATION, "How long people have."),
            "risk": Key(Choice(("high",)), "high, for a rule that says so."),
        },
        empty_sentence="expect says at least one thing.",
    )
    return Keys(
        {
            "cases": Key(
                Each(_case_shape(expectation), MAX_CASES, "A case"),
                "What an agent would ask, and what must come of it.",
            )
        },
        needed={"cases": "A file of cases needs the key cases."},
    )


def _case_shape(expectation: Keys) -> Shape:
    action = Pattern(ACTION_TYPE, "action is one exact action type, such as payments.refund.")
    words: dict[str, Key] = {
        name: Key(Text(), "What the agent says.") for name in ("summary", "reasoning", "diff", "on_behalf_of", "intent")
    }
    claims = Keys(
        {
            **words,
            "links": Key(Each(Text(), 20), "Links."),
            "metadata": Key(Values(), "Metadata."),
            "urgency": Key(Choice(get_args(Urgency)), "How pressing the agent calls it."),
        }
    )
    return Keys(
        {
            "name": Key(Line(200), "What the case shows.", "A case's name"),
            "action": Key(action, "The action's type."),
            "params": Key(Values(), "Its params; none when left out."),
            "agent": Key(_AGENTS, "The name of the agent's key."),
            "claims": Key(claims, "What the agent says beside it."),
            "expect": Key(
                Either(Choice(_VERDICTS), expectation), "What must come of it: ask, allow or deny, or more of it."
            ),
        },
        needed={"action": "A case needs an action.", "expect": "A case says what it expects."},
    )


def _case(case: Read) -> Case:
    said: Read | None = case.get("claims")
    claims = said.values if said else {}
    asked = Asked(
        case.get("action"),
        case.get("params", {}),
        case.get("agent", AGENT),
        Claims(**{**claims, "links": tuple(claims.get("links", ()))}),
    )
    expect: Read | str = case.get("expect")
    if isinstance(expect, str):
        expected: dict[str, tuple[Any, Mark]] = {"verdict": (expect, case.at("expect"))}
    else:
        expected = {key: (expect.get(key), expect.at(key)) for key in expect.values}
    return Case(case.get("name", case.get("action")), case.node.mark, asked, expected)


def _facts(verdict: Verdict) -> dict[str, Any]:
    requirement = verdict.requirement
    found: dict[str, Any] = {"verdict": verdict.kind, "rule": verdict.rule, "cause": str(verdict.cause)}
    if requirement is None:
        return found | dict.fromkeys(("channel", "approvers", "quorum", "reason", "timeout", "risk"))
    approvers = requirement.group or (None if requirement.approvers is None else list(requirement.approvers))
    return found | {
        "channel": requirement.channel,
        "approvers": approvers,
        "quorum": requirement.quorum,
        "reason": requirement.reason,
        "timeout": requirement.timeout_seconds,
        "risk": "high" if requirement.high_risk else None,
    }


def told(key: str, value: Any) -> str:
    """One expectation, or what came of it, as text."""
    if value is None:
        return "nothing"
    if key == "timeout":
        return format_duration(value)
    return ", ".join(value) if isinstance(value, list) else str(value)
