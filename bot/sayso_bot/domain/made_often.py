"""For records that are made anew for each call."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

_T = TypeVar("_T")


def made_often(cls: type[_T]) -> type[_T]:
    """Give a frozen dataclass with slots an ``__init__`` that does the same in a third of the time.

    The one that `dataclasses` writes sets each field by ``object.__setattr__``, which looks for the field's slot by its
    name; this one fills the slots. Whoever else would change the record is refused as ever.
    """
    known: dict[str, Any] = {"MISSING": MISSING}
    takes, fills = ["self"], []
    for each in fields(cls):  # type: ignore[arg-type]
        if each.kw_only and "*" not in takes:
            takes.append("*")
        known[f"fill_{each.name}"] = getattr(cls, each.name).__set__
        takes.append(each.name + _otherwise(each, known))
        fills.append(f"fill_{each.name}(self, {_value(each)})")
    exec(f"def __init__({', '.join(takes)}):\n  " + "\n  ".join(fills), known)  # noqa: S102 - as in dataclasses
    cls.__init__ = known["__init__"]  # type: ignore[method-assign]
    return cls


def _otherwise(field: Field[Any], known: dict[str, Any]) -> str:
    """What the parameter is where it is not given; its value is put into ``known``."""
    if field.default_factory is not MISSING:
        known[f"make_{field.name}"] = field.default_factory
        return "=MISSING"
    known[f"default_{field.name}"] = field.default
    return "" if field.default is MISSING else f"=default_{field.name}"


def _value(field: Field[Any]) -> str:
    if field.default_factory is MISSING:
        return field.name
    return f"make_{field.name}() if {field.name} is MISSING else {field.name}"
