"""What is wrong with a policy document: every problem with its place, in one sentence each.

A document is read to its end before it is refused, so that an author mends it in one go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, NoReturn

from sayso_bot.errors import Unusable

MAX_PROBLEMS = 100


class Mark(NamedTuple):
    """A place in the document; both numbers begin at 1, columns count characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    file: str
    line: int
    column: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.sentence}"


class PolicyInvalid(Unusable):
    """The document is no policy. ``problems`` is never empty and is in the order of the document."""

    code: ClassVar[str] = Unusable.code

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("The policy cannot be used.\n" + "\n".join(map(str, problems)))
        self.problems = problems


class Problems:
    """Collects what is wrong with one document."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._found: set[tuple[Mark, str]] = set()

    def add(self, mark: Mark, sentence: str) -> None:
        self._found.add((mark, sentence))

    def stop(self, mark: Mark, sentence: str) -> NoReturn:
        """Note what makes it useless to read on, and raise `PolicyInvalid`."""
        self.add(mark, sentence)
        raise PolicyInvalid(self.listed())

    def listed(self) -> tuple[Problem, ...]:
        """The first `MAX_PROBLEMS`, in the order of the document, each once."""
        return tuple(
            Problem(self._source, mark.line, mark.column, sentence)
            for mark, sentence in sorted(self._found)[:MAX_PROBLEMS]
        )

    def raise_any(self) -> None:
        if self._found:
            raise PolicyInvalid(self.listed())
