"""A record that is made often is the frozen dataclass that it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import Any

import pytest

from sayso_bot.domain.made_often import made_often
from sayso_bot.domain.request import Claims


@dataclass(frozen=True, slots=True)
class Plain:
    one: int
    two: str = "two"
    many: Mapping[str, int] = field(default_factory=dict)


@made_often
@dataclass(frozen=True, slots=True)
class Often:
    one: int
    two: str = "two"
    many: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Above:
    one: int
    two: str = "two"


@made_often
@dataclass(frozen=True, slots=True, kw_only=True)
class Below(Above):
    three: int
    four: tuple[int, ...] = ()


@pytest.mark.parametrize("given", [{"one": 1}, {"one": 1, "two": "x"}, {"one": 1, "many": {"a": 1}, "two": ""}])
def test_fields_are_what_is_given_or_their_defaults(given: dict[str, Any]) -> None:
    plain, often = Plain(**given), Often(**given)
    assert [getattr(often, name) for name in Often.__slots__] == [getattr(plain, name) for name in Plain.__slots__]
    assert repr(often) == repr(plain).replace("Plain", "Often")
    assert often == Often(**given) == replace(often) != replace(often, one=2)
    assert Often(1, "x") == Often(one=1, two="x")
    assert Often(1).many is not Often(1).many


def test_fields_of_a_class_above_are_filled_too() -> None:
    made = Below(one=1, three=3)
    assert (made.one, made.two, made.three, made.four) == (1, "two", 3, ())
    assert replace(made, two="x", four=(4,)) == Below(one=1, two="x", three=3, four=(4,))


WRONG: dict[str, Callable[[], object]] = {
    "one is missing": lambda: Often(),  # type: ignore[call-arg]
    "one too many": lambda: Often(1, "2", {}, 4),  # type: ignore[call-arg]
    "one is unknown": lambda: Often(1, three=1),  # type: ignore[call-arg]
    "one without its name": lambda: Below(1),  # type: ignore[call-arg]
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
def test_what_a_dataclass_does_not_take_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        make()


@pytest.mark.parametrize("made", [Often(1), Below(one=1, three=3), Claims()])
def test_nobody_changes_one(made: Any) -> None:
    name = type(made).__slots__[0]
    with pytest.raises(FrozenInstanceError):
        setattr(made, name, 2)
    with pytest.raises(FrozenInstanceError):
        delattr(made, name)
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        made.another = 1
