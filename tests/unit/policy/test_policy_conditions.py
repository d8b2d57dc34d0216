"""Conditions: real CEL, and no way around them by the shape of params."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sayso_bot.domain.request import Cause, Claims
from sayso_bot.policy.conditions import ConditionInvalid, Scope
from sayso_bot.policy.params import Declaration
from unit.policy.policies import ask, guarded, policy, problems, verdict

HOLDS = [
    ("{x: number}", "params.x > 500", {"x": 500.5}),
    ("{x: number}", "params.x == 500", {"x": 500.0}),
    ("{x: number}", "params.x in [500, 600]", {"x": 500}),
    ("{x: number}", "500 < params.x", {"x": 501}),
    ("{x: number}", "params.x * 2.0 > 10", {"x": 6}),
    ("{x: number}", "1.0 / params.x > 0.0", {"x": -0.0}),
    ("{x: number}", "params.x == 9007199254740991", {"x": 2**53 - 1}),
    ("{x: number}", "params.x > 9007199254740990", {"x": 2**53 - 1}),
    ("{x: integer}", "params.x * 2 == 4 && params.x > 1.5 && params.x % 2 == 0", {"x": 2.0}),
    ("{x: number, y: integer}", "params.x > params.y && params.y in [1.0, 2.5]", {"x": 1.5, "y": 1}),
    ("{x: string}", "params.x.matches('^A-[0-9]+$') && size(params.x) == 3", {"x": "A-1"}),
    ("{x: boolean}", "params.x", {"x": True}),
    ("{x: list}", "params.x.exists(i, i == 2) && params.x.all(i, i > 0)", {"x": [1, 2.0]}),
    ("{x: list}", "params.x == [1, 2.5] && 1 in params.x", {"x": [1.0, 2.5]}),
    ("{x: object}", "params.x.a.b == 1 && 'a' in params.x && !('c' in params.x)", {"x": {"a": {"b": 1.0}}}),
    ("{x: string?}", "params.x == null", {}),
    ("{x: string?}", "params.x == null", {"x": None}),
    ("{x: string?}", "params.x != null && params.x == 'a'", {"x": "a"}),
    ("{x: number?}", "params.x != null && params.x >= 5", {"x": 5}),
    ("{x: integer?}", "params.x in [5]", {"x": 5.0}),
    ("{x: boolean?}", "params.x == true", {"x": True}),
    ("{x: list?, y: object?}", "params.x == null && params.y.k == 'v'", {"y": {"k": "v"}}),
    ("{in: string, 'a b': string, class: string}", "params.class == 'c'", {"in": "", "a b": "", "class": "c"}),
    ("{x: object, x.y: string}", "params.x.y == 'inner'", {"x": {"y": "inner"}, "x.y": "outer"}),
    ("{}", "action == 'act' && agent == 'billing'", {}),
]


@pytest.mark.parametrize(("params", "when", "values"), HOLDS)
def test_a_true_condition_matches(params: str, when: str, values: dict[str, Any]) -> None:
    assert verdict(params, when, **values).rule == "guard"
    assert verdict(params, f"!({when})", **values).rule == "open"


SLIPS = [
    ("{env: string}", "params.env == 'prod'", {"env": ["prod"]}, 'the param "env" must be a text, and it is a list'),
    ("{env: string}", "params.env == 'prod'", {"env": {"v": "prod"}}, "and it is an object"),
    ("{env: string}", "params.env == 'prod'", {"env": None}, "and it is null"),
    ("{env: string}", "params.env == 'prod'", {"env": 5}, "and it is a number"),
    ("{env: string}", "params.env == 'prod'", {"env": True}, "and it is true or false"),
    ("{env: string}", "params.env == 'prod'", {}, 'it needs the param "env", which is missing'),
    ("{x: number}", "params.x > 500", {"x": "900"}, "must be a number, and it is a text"),
    ("{x: number}", "params.x > 500", {"x": True}, "must be a number"),
    ("{x: number}", "params.x > 500", {"x": 2**70}, "beyond 2^53-1"),
    ("{x: number}", "params.x > 500", {"x": math.inf}, "not finite"),
    ("{x: number?}", "params.x > 500", {}, "types that do not go together"),
    ("{x: boolean}", "params.x", {"x": 1}, "must be true or false"),
    ("{x: boolean?}", "params.x", {}, "neither true nor false"),
    ("{x: integer}", "params.x > 1", {"x": 1.5}, "has a fraction"),
    ("{x: integer}", "params.x > 1", {"x": 1e300}, "beyond 2^53-1"),
    ("{x: integer}", "params.x * params.x * params.x > 1", {"x": 2**53 - 1}, "out of range"),
    ("{x: integer}", "1 / params.x > 1", {"x": 0}, "divides by zero"),
    ("{x: list}", "params.x[3] == 1", {"x": []}, "beyond the end of a list"),
    ("{x: list}", "params.x == []", {"x": "a"}, "must be a list"),
    ("{x: object}", "params.x.env == 'prod'", {"x": {}}, "a key that is not there"),
    ("{x: object}", "params.x.env == 'prod'", {"x": []}, "must be an object"),
    ("{x: object}", "string(params.x.env) == 'prod'", {"x": {"env": ["prod"]}}, "do not go together"),
    ("{x: object}", "string(params.x.env) == 'prod'", {"x": {"env": None}}, "do not go together"),
    ("{x: object}", "params.x.a.b == 'prod'", {"x": {"a": 1}}, "a value that has none"),
    ("{x: string}", "int(params.x) > 5", {"x": "q"}, "cannot be converted"),
    ("{x: string}", "'a'.matches(params.x)", {"x": "("}, "search pattern"),
    ("{x: string}", "params.x == 'a'", {"x": "\ud800"}, "neither true nor false"),
    ("{x: list}", "params.x.size() == 1", {"x": [{1, 2}]}, "no JSON"),
]


@pytest.mark.parametrize(("params", "when", "values", "why"), SLIPS)
def test_what_cannot_be_evaluated_denies_and_chooses_no_other_rule(
    params: str, when: str, values: dict[str, Any], why: str
) -> None:
    found = verdict(params, when, **values)
    assert (found.kind, found.rule, found.cause) == ("deny", "guard", Cause.POLICY_ERROR)
    assert found.reason is not None
    assert found.reason.startswith('The rule "guard" could not be evaluated: ')
    assert why in found.reason


def test_extra_params_spoil_nothing() -> None:
    found = verdict("{x: number}", "params.x > 500", x=1, y=2**90, z="\ud800", w=[[[]]] * 5)
    assert found.rule == "open"


def test_types_are_checked_where_a_rule_has_no_condition() -> None:
    loaded = policy("rules: [{action: act, params: {x: number}, allow: true}]")
    assert loaded.judge(ask(x=1)).kind == "allow"
    assert loaded.judge(ask(x="1")).cause is Cause.POLICY_ERROR


def test_nesting_without_end_is_denied() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert verdict("{x: list}", "params.x == []", x=deep).cause is Cause.POLICY_ERROR


REFUSED = [
    ("{x: number}", "params.x * 2 > 500", "write the whole number with a point: 2.0"),
    ("{x: number}", "params.x == '500'", "== does not join a number and a text"),
    ("{x: string}", "params.x > 5", "> does not join a text and a whole number"),
    ("{x: string}", "params.x in [1, 2]", "The types of these values do not go together"),
    ("{x: boolean}", "params.x == 1", "== does not join a true-or-false and a whole number"),
    ("{x: number?}", "params.x == 'a'", "== does not join a number and a text"),
    ("{x: string}", "params.x == null", "== does not join a text and a null"),
    ("{x: string}", "has(params.x)", "has() is not offered"),
    ("{x: list}", "params.x.map(i, i) == []", "map() is not offered"),
    ("{x: string}", "params['x'] == 'a'", "params is used by name"),
    ("{x: string}", "params.x.foo()", '"foo" is not known here'),
    ("{x: string}", "params.x.y == 1", "The types of these values do not go together"),
    ("{x: string}", "claims.sumary == ''", "claims.sumary is not a claim"),
    ("{x: string}", "claims == null", "claims is used by name"),
    ("{x: number}", "params.x > 100000000000000000000", "This number is too large"),
    ("{x: boolean}", "(" * 40 + "params.x" + ")" * 40, "nested too deep"),
    ("{x: boolean}", "params.x" + " && params.x" * 200, "more than 2000 characters"),
    ("{a-b: boolean}", "params.a-b", "params.a is not declared"),
]


@pytest.mark.parametrize(("params", "when", "words"), REFUSED)
def test_a_condition_that_could_never_work_is_refused_when_loaded(params: str, when: str, words: str) -> None:
    found = problems(f"rules:\n  - action: a\n    params: {params}\n    when: |\n      {when}\n    allow: true\n")
    assert len(found) >= 1
    assert words in found[0]


def test_half_a_surrogate_pair_is_no_condition() -> None:
    with pytest.raises(ConditionInvalid, match="half of a surrogate pair"):
        Scope(Declaration()).compile("agent == '\ud800'")


def test_claims_are_seen_as_what_they_are_and_absent_ones_are_empty() -> None:
    when = (
        "claims.summary.contains('urgent') && claims.diff == '' && claims.links.size() == 1 && claims.metadata.k == 1"
    )
    claims = Claims(summary="urgent", links=("https://example.com",), metadata={"k": 1.0})
    assert verdict("{}", when, claims=claims).rule == "guard"
    assert verdict("{}", "claims.intent == '' && claims.on_behalf_of == '' && claims.urgency == ''").rule == "guard"
    urgent = Claims(urgency="critical")
    assert verdict("{}", "claims.urgency in ['high', 'critical']", claims=urgent).rule == "guard"


def test_a_spoiled_claim_spoils_only_conditions_that_use_it() -> None:
    claims = Claims(metadata={"k": 2**80})
    assert verdict("{}", "claims.summary == 'x'", claims=claims).cause is Cause.POLICY_ERROR
    assert verdict("{}", "agent == 'x'", claims=claims).rule == "open"


@pytest.mark.parametrize(
    ("when", "size"),
    [
        ("params.x.all(a, params.x.all(b, a >= 0 && b >= 0))", 900),
        ("params.x.all(a, a >= 0)", 1500),
        ("params.x.all(a, params.x.all(b, params.x.all(c, params.x == params.x)))", 90),
        ("params.x == params.x", 50_000),
    ],
)
def test_a_condition_that_would_run_away_is_stopped_and_denies(when: str, size: int) -> None:
    loaded = guarded("{x: list}", when)
    began = time.thread_time()
    found = loaded.judge(ask(x=list(range(size))))
    assert found.cause is Cause.POLICY_ERROR
    assert time.thread_time() - began < 2


def test_a_long_text_is_not_searched_without_bounds() -> None:
    loaded = guarded("{x: string, y: string}", "params.x.contains(params.y)")
    found = loaded.judge(ask(x="a" * 200_000, y="a" * 100_000 + "b"))
    assert found.cause is Cause.POLICY_ERROR


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
EVERY_TYPE = guarded(
    "{s: string?, n: number?, i: integer?, b: boolean?, l: list?, o: object?}",
    "params.s == 'prod' || params.n > 500 || params.i % 2 == 0 || params.b\n"
    "|| params.l.exists(x, x == 1) || params.o.k.v > params.n || claims.metadata.m == 1",
)


@given(st.dictionaries(st.sampled_from("snibloxyz"), JSON), JSON)
def test_no_params_can_raise(params: dict[str, Any], claim: Any) -> None:
    found = EVERY_TYPE.judge(ask(claims=Claims(metadata={"m": claim}), **params))
    assert found.rule in {"guard", "open"}


def _respelt(value: Any) -> Any:
    """The same JSON with every whole number written the other way: ``1`` as ``1.0``, ``1.0`` as ``1``."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return float(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, dict):
        return {key: _respelt(item) for key, item in value.items()}
    return [_respelt(item) for item in value]


NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-3, 3)
NUMERIC = guarded(
    "{n: number, i: integer?, l: list, o: object}",
    "params.n > 1 && params.n * 2.0 < 1e9 || params.i == 2 || params.i > 5.5 && params.i % 2 == 0\n"
    "|| params.l.exists(x, x * 2.0 == 4.0) || params.l == [1, 2] || string(params.o.k) == '1' || params.o.k in [3]",
)


@given(NUMBERS, NUMBERS | st.none(), st.lists(NUMBERS, max_size=4), NUMBERS)
@example(1, 2, [1, 2], 1)
@example(-0.0, 0, [2], 3)
def test_how_a_number_is_written_never_decides(n: float, i: float | None, many: list[float], k: float) -> None:
    params: dict[str, Any] = {"n": n, "i": i, "l": many, "o": {"k": k}}
    assert NUMERIC.judge(ask(**params)) == NUMERIC.judge(ask(**_respelt(params)))
