"""JSON on which all readers agree is read; everything else is refused with its path, and nothing is repaired."""

from __future__ import annotations

import json
import time
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso_bot.domain.fingerprint import canonical
from sayso_bot.domain.json import MAX_DEPTH, MAX_INTEGER, loads
from sayso_bot.errors import BadJson, InvalidField

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
WHOLE = st.integers(-MAX_INTEGER, MAX_INTEGER)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda value: not (value.is_integer() and MAX_INTEGER < abs(value) < 1e21)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | WHOLE | DOUBLES | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def _refusal(body: bytes) -> BadJson | InvalidField | None:
    try:
        loads(body)
    except (BadJson, InvalidField) as refusal:
        return refusal
    return None


@given(VALUES)
def test_what_is_read_is_read_again_from_its_canonical_form(value: Any) -> None:
    read = loads(json.dumps(value).encode())
    assert read == value
    assert loads(canonical(read)) == read
    assert canonical(loads(canonical(read))) == canonical(read)


@given(VALUES, VALUES)
def test_two_values_have_one_canonical_form_only_when_they_are_equal(one: Any, other: Any) -> None:
    same = canonical(loads(json.dumps(one).encode())) == canonical(loads(json.dumps(other).encode()))
    assert same == (_typed(one) == _typed(other))


def _typed(value: Any) -> Any:
    """``value`` so that Python's ``==`` tells true from 1, and 0.0 from nothing else than 0."""
    if isinstance(value, bool) or value is None:
        return ("word", value)
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    return value


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_and_nothing_else(body: bytes) -> None:
    refusal = _refusal(body)
    assert refusal is None or refusal.detail.endswith(".")


@given(st.text('[]{}",:0123456789.eE+-\\u nulltrefasNI', max_size=30))
def test_any_text_that_looks_like_json_is_read_as_python_reads_it_or_refused(text: str) -> None:
    try:
        value = loads(text.encode())
    except (BadJson, InvalidField):
        return
    assert value == json.loads(text)


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_a_number_is_read_as_the_number_that_is_written_or_refused(literal: str) -> None:
    if isinstance(_refusal(literal.encode()), InvalidField):
        return
    value = loads(literal.encode())
    assert isinstance(value, int | float)
    shortest = Fraction(repr(value))
    assert shortest == Fraction(literal)
    assert isinstance(value, int) or not value.is_integer() or abs(value) >= 1e21


def test_whole_numbers_are_integers_however_they_are_spelled() -> None:
    for literal in (b"1", b"1.0", b"1e0", b"10e-1", b"0.1e1"):
        assert repr(loads(literal)) == "1"
    for literal in (b"-0", b"0.0", b"-0.0", b"0e5"):
        assert repr(loads(literal)) == "0"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"a": 1, "a": 1}', "a"),
        ('{"a": {"b": [0, {"c": 1, "c": 2}]}}', "a.b[1].c"),
        ('[1, 9007199254740992]', "[1]"),
        ('{"a": -9007199254740992}', "a"),
        ('{"a": 9007199254740992.0}', "a"),
        ('{"a": 123456789012345678901234567890}', "a"),
        ('{"a": 1e16}', "a"),
        ('{"a": 0.30000000000000004441}', "a"),
        ('{"a": 1e309}', "a"),
        ('{"a": 1e-324}', "a"),
        ('{"a": [NaN]}', "a[0]"),
        ('{"a": Infinity}', "a"),
        ('{"a": -Infinity}', "a"),
        ('{"a": {"b": "\\ud83d"}}', "a.b"),
        ('{"a": {"b": "\\ude00\\ud83d"}}', "a.b"),
        ('{"a": {"\\udead": 1}}', "a"),
        ('{"a": "\\u0000"}', "a"),
    ],
)  # fmt: skip
def test_what_readers_disagree_about_is_refused_by_its_path(body: str, field: str) -> None:
    with pytest.raises(InvalidField) as refusal:
        loads(body.encode())
    assert refusal.value.field == field


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert loads(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_nesting_is_counted_exactly() -> None:
    within = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert loads(within) is not None
    mixed = b'{"a":[' * (MAX_DEPTH // 2) + b"]}" * (MAX_DEPTH // 2)
    assert loads(mixed) is not None
    for beyond in (b"[" + within + b"]", b'{"a":' + mixed + b"}"):
        with pytest.raises(InvalidField, match="32"):
            loads(beyond)
    assert loads(b'"' + b"[" * 500 + b'"') == "[" * 500


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"a":' * 50_000,
        b"9" * 250_000,
        b"0." + b"1" * 250_000,
        b"1e" + b"9" * 250_000,
        b'{"' + b"a" * 250_000 + b'":1e400}',
        b'"' + b"\\u0000" * 40_000 + b'"',
        b"[" + b"1.5," * 60_000 + b"NaN]",
        b"[" + b"[]," * 80_000 + b"[]]",
    ],
    ids=range(9),
)
def test_no_body_keeps_the_reader_busy(body: bytes) -> None:
    begun = time.process_time()
    refusal = _refusal(body)
    assert refusal is None or len(refusal.detail) < 300
    assert time.process_time() - begun < 2


def test_the_canonical_form_is_that_of_rfc_8785() -> None:
    """The example of its section 3.2.2, and the order of keys by UTF-16 of 3.2.3."""
    numbers = b'{"numbers": [333333333.3333333, 1E30, 4.50, 2e-3, 0.000000000000000000000000001]}'
    assert canonical(loads(numbers)) == b'{"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}'
    text = b'{"b": "\\u20ac$\\u000f\\nA\'\\u0042\\u0022\\\\\\"\\/", "a": [null, true]}'
    assert canonical(loads(text)).decode() == '{"a":[null,true],"b":"€$\\u000f\\nA\'B\\"\\\\\\"/"}'
    keys = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\u00f6": 7}
    assert list(json.loads(canonical(keys)).values()) == [2, 4, 6, 7, 1, 5, 3]
