"""The JSON Schema and the reader are made of one grammar: what one refuses for its form, the other does too."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, validators

from sayso_bot.policy import PolicyInvalid, load
from sayso_bot.policy.grammar import grammar
from sayso_bot.policy.places import BUILT_PLATFORMS
from sayso_bot.policy.problems import Problems
from sayso_bot.policy.schema import schema
from sayso_bot.policy.tree import parse
from unit.policy.test_policy_docs import EXAMPLES

PAGE = Path(__file__).parents[3] / "docs" / "policy.md"
BEYOND_SCHEMAS = (
    "invisible",  # which characters these are no pattern says
    "stands here twice",  # editors see a document whose keys differ
    "No agent can send",
)
FULL: dict[str, Any] = {
    "channels": {"payments": "slack:C0PAYMENTS", "desk": "inbox", "ana": "slack:T0TEAM/U0ANA"},
    "approvers": {"finance": ["slack:S0FINANCE", "email:ana@example.com", "operator"]},
    "people": {"ana": ["email:ana@example.com", "slack:T0TEAM/U0ANA", "operator"]},
    "rules": [
        {
            "name": "large refunds",
            "action": "payments.refund",
            "params": {"amount": "number", "order": "string?", "a b": "object?"},
            "examples": [{"amount": 900, "order": "A-1"}, {"amount": 1.5}],
            "when": "params.amount > 500",
            "risk": "high",
            "ask": {
                "channel": "payments",
                "approvers": "finance",
                "quorum": 2,
                "reason": "always",
                "timeout": "30m",
                "receipt": "10s",
                "fallback": "inbox",
                "confirm": "type",
                "editable": ["amount", "order"],
            },
        },
        {
            "action": "payments.*",
            "ask": {"channel": "payments", "approvers": ["slack:U0ANA"], "forms": True, "digest": True},
        },
        {"action": "files.read.*", "allow": True},
        {"action": "*", "deny": "Nothing else."},
    ],
}
VALUES = st.sampled_from(
    [
        None, True, False, 0, 1, 2, 100, 101, 1.0, 2.5, 1e300, -1, "", " ", "x", "high", "type", "always", "ask",
        "true", "inbox", "slack:C1", "slack:c1", "slack:T1/U1", "slack:S1", "email:ana@example.com", "email:ana",
        "operator", "teams:x", "teams:19:a@thread.tacv2", "teams:a:1",
        "teams:11111111-2222-3333-4444-555555555555/AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee",
        "string", "string?", "text", "9s", "10s", "90s", "15m", "5x", "015m", "366d", "367d",
        "8784h", "8785h", "31622400s", "31622401s", "99999999s", "payments.refund", "a b", "*",
        "é", "x" * 81, "x" * 501, "x" * 2001, [], [1], ["a"], ["a", "a"], ["slack:U1", "email:x@y.z"], {}, {"a": 1},
        {"a": "string"}, {"channel": "inbox"}, {"action": "a", "allow": True}, {"": "string"}, {"p q": "inbox"},
    ]
)  # fmt: skip
KEYS = st.sampled_from(
    [*FULL, *FULL["rules"][0], *FULL["rules"][0]["ask"], "forms", "digest", "allow", "deny", "escalate", "x", ""]
)


def _ecma(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[Any]:
    """A pattern as ECMA 262 reads it, where ``$`` is the end of the text alone."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$\Z", r"\\Z", pattern), instance):
        yield from validators.Draft202012Validator({"not": {}}).iter_errors(instance)


Validator: Any = validators.extend(Draft202012Validator, {"pattern": _ecma})
SCHEMA = schema()
JUDGE = Validator(SCHEMA)


def form_problems(text: str) -> list[str]:
    """What the reader finds wrong with the form of a document."""
    problems = Problems("p")
    with suppress(PolicyInvalid):
        grammar(BUILT_PLATFORMS).table(parse(text, problems), problems)
    return [problem.sentence for problem in problems.listed()]


def agree(document: Any) -> None:
    found = form_problems(json.dumps(document, ensure_ascii=False))
    ours = [sentence for sentence in found if not any(beyond in sentence for beyond in BEYOND_SCHEMAS)]
    theirs = [f"{error.json_path}: {error.message}" for error in JUDGE.iter_errors(document)]
    assert bool(ours) == bool(theirs), (document, found, theirs)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield from _places(below, (*path, key))


@st.composite
def documents(draw: st.DrawFn) -> Any:
    """A full document with a few things changed: a value, a key more, a key less."""
    document = copy.deepcopy(FULL)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([path for path in _places(document) if path]))
        holder: Any = document
        for step in path[:-1]:
            holder = holder[step]
        match draw(st.sampled_from(["change", "remove", "add"])):
            case "change":
                holder[path[-1]] = copy.deepcopy(draw(VALUES))
            case "remove":
                del holder[path[-1]]
            case _ if isinstance(holder, dict):
                holder[draw(KEYS)] = copy.deepcopy(draw(VALUES))
            case _:
                holder.append(copy.deepcopy(draw(VALUES)))
    return document


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_both_accept_a_document_that_uses_every_key() -> None:
    assert load(json.dumps(FULL), "p").rules
    assert not list(JUDGE.iter_errors(FULL))
    rule, ask = SCHEMA["properties"]["rules"]["items"]["properties"], FULL["rules"][0]["ask"] | FULL["rules"][1]["ask"]
    assert set(rule) == {key for each in FULL["rules"] for key in each}
    assert set(rule["ask"]["properties"]) == set(ask)


@given(documents())
@example({**FULL, "rules": []})
@example({**FULL, "channels": {"p": "teams:a"}})
@settings(max_examples=150, deadline=None)
def test_both_say_the_same_of_documents_that_are_changed_at_random(document: Any) -> None:
    agree(document)


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_schema_accepts_the_examples_of_the_page(text: str) -> None:
    assert not list(JUDGE.iter_errors(yaml.load(text, Loader=yaml.CSafeLoader)))


def test_every_key_is_described_in_the_schema_and_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rule = SCHEMA["properties"]["rules"]["items"]
    for properties in (SCHEMA["properties"], rule["properties"], rule["properties"]["ask"]["properties"]):
        for key, about in properties.items():
            assert about["description"].endswith(".")
            assert f"`{key}" in page, key
