"""The part of CEL that conditions may use, as a configuration of the library.

Numbers compare with one another whatever their kind, as they do when evaluated, so ``params.amount > 500`` passes the
check of types. ``has()`` is left out: on a declared param the library takes it for the value itself. ``map()`` is left
out, which makes lists of any size and gives no truth.
"""

from __future__ import annotations

from typing import Any

from cel_expr_python import cel

_COMPARED = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
_ORDERS = {"_<_": "less", "_<=_": "less_equals", "_>_": "greater", "_>=_": "greater_equals"}
_EQUALITIES = {"_==_": "equals", "_!=_": "not_equals"}
_CROSSED = (("double", "int"), ("int", "double"))


def _type(name: str, *params: str) -> str:
    if name.isupper():
        return f"{{type_name: {name}, is_type_param: true}}"
    inner = ", ".join(_type(param) for param in params)
    return f"{{type_name: {name}, params: [{inner}]}}" if params else f"{{type_name: {name}}}"


def _function(name: str, overloads: list[tuple[str, str, str]]) -> str:
    lines = [
        f"      - {{id: {key}, args: [{left}, {right}], return: {{type_name: bool}}}}" for key, left, right in overloads
    ]
    return "\n".join([f"  - name: '{name}'", "    overloads:", *lines])


def _functions() -> list[str]:
    functions = []
    for operator, word in (_ORDERS | _EQUALITIES).items():
        overloads = [(f"{word}_{left}_{right}", _type(left), _type(right)) for left, right in _CROSSED]
        if operator in _ORDERS:
            overloads += [(f"{word}_{kind}", _type(kind), _type(kind)) for kind in _COMPARED]
        else:
            overloads.append((word, _type("A"), _type("A")))
        functions.append(_function(operator, overloads))
    contained = [(f"in_list_{item}_{held}", _type(item), _type("list", held)) for item, held in _CROSSED]
    contained += [("in_list", _type("A"), _type("list", "A")), ("in_map", _type("A"), _type("map", "A", "B"))]
    return [*functions, _function("@in", contained)]


def _configuration() -> Any:
    excluded = ", ".join(f"{{name: '{name}'}}" for name in [*_ORDERS, *_EQUALITIES, "@in"])
    text = f"stdlib:\n  exclude_macros: [has, map]\n  exclude_functions: [{excluded}]\nfunctions:\n"
    return cel.NewEnvConfigFromYaml(text + "\n".join(_functions()) + "\n")


DIALECT = _configuration()
