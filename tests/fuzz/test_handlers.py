"""Nothing in the service catches everything in silence: who does so raises, or writes a line that names what happened.

A swallowed error is the one that no fuzzer sees.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(file for folder in ("bot", "adapters") for file in (ROOT / folder).rglob("*.py"))
EVERYTHING = {"Exception", "BaseException"}
LINES = {"exception", "error", "warning", "critical"}

RAISES = "try:\n    f()\nexcept Exception as error:\n    raise Unavailable() from error"
RAISES_AFTER = "try:\n    f()\nexcept Exception as error:\n    why = error\nraise CannotEvaluate(why)"
LOGS = "try:\n    f()\nexcept Exception:\n    log.exception('f_failed')"
NARROW = "try:\n    f()\nexcept ValueError:\n    pass"
PASSES = "try:\n    f()\nexcept Exception:\n    pass"
BARE = "try:\n    f()\nexcept:\n    return_value = None"
AMONG_OTHERS = "try:\n    f()\nexcept (ValueError, BaseException):\n    pass"
LOGS_NO_NAME = "try:\n    f()\nexcept Exception as error:\n    log.warning(str(error))"
SUPPRESSES = "with suppress(Exception):\n    f()"
SUPPRESSES_FULLY = "with contextlib.suppress(ValueError, Exception):\n    f()"


def silent(tree: ast.AST) -> Iterator[int]:
    """The lines at which everything is caught and nothing of it is left."""
    for node in ast.walk(tree):
        for block in (getattr(node, name, []) for name in ("body", "orelse", "finalbody")):
            for statement, following in _with_next(block if isinstance(block, list) else []):
                if isinstance(statement, ast.Try) and not isinstance(following, ast.Raise):
                    yield from (each.lineno for each in statement.handlers if _is_silent(each))
        if isinstance(node, ast.Call) and _name(node.func) == "suppress" and any(map(_is_everything, node.args)):
            yield node.lineno


def _with_next(block: list[ast.stmt]) -> Iterator[tuple[ast.stmt, ast.stmt | None]]:
    return zip(block, [*block[1:], None], strict=False)


def _is_silent(handler: ast.ExceptHandler) -> bool:
    if handler.type is not None and not _is_everything(handler.type):
        return False
    inside = [node for statement in handler.body for node in ast.walk(statement)]
    return not any(isinstance(node, ast.Raise) or _is_line(node) for node in inside)


def _is_everything(caught: ast.expr) -> bool:
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(_name(kind) in EVERYTHING for kind in kinds)


def _is_line(node: ast.AST) -> bool:
    """A line of the log with an event of its own."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in LINES:
        return False
    return bool(node.args) and isinstance(node.args[0], ast.Constant)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_handler_catches_everything_in_silence(file: Path) -> None:
    assert list(silent(ast.parse(file.read_text()))) == []


@pytest.mark.parametrize("code", [RAISES, RAISES_AFTER, LOGS, NARROW])
def test_a_handler_that_raises_or_says_so_is_no_silent_one(code: str) -> None:
    assert list(silent(ast.parse(code))) == []


@pytest.mark.parametrize("code", [PASSES, BARE, AMONG_OTHERS, LOGS_NO_NAME, SUPPRESSES, SUPPRESSES_FULLY])
def test_a_silent_handler_is_found(code: str) -> None:
    assert list(silent(ast.parse(code))) != []
