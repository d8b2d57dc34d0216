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
    """Collects what is wrong with one document.

    `add` notes what is no policy at all. `harm` notes what is one and cannot work or take effect as written: nobody
    may put that in force. With ``in_force`` it is only told: a check that is new in this version never takes a
    document out of force, and what it finds fails closed (a quorum that nobody reaches, a rule that nothing meets).
    """

    def __init__(self, source: str, *, in_force: bool = False) -> None:
        self._source = source
        self._in_force = in_force
        self._found: set[tuple[Mark, str]] = set()
        self._told: set[tuple[Mark, str]] = set()

    def add(self, mark: Mark, sentence: str) -> None:
        self._found.add((mark, sentence))

    def harm(self, mark: Mark, sentence: str) -> None:
        (self._told if self._in_force else self._found).add((mark, sentence))

    def warn(self, mark: Mark, sentence: str) -> None:
        """Note what an admin should know of a document that is valid."""
        self._told.add((mark, sentence))

    def stop(self, mark: Mark, sentence: str) -> NoReturn:
        """Note what makes it useless to read on, and raise `PolicyInvalid`."""
        self.add(mark, sentence)
        raise PolicyInvalid(self.listed())

    def listed(self) -> tuple[Problem, ...]:
        """The first `MAX_PROBLEMS`, in the order of the document, each once."""
        return self._in_order(self._found)

    def warnings(self) -> tuple[Problem, ...]:
        return self._in_order(self._told)

    def raise_any(self) -> None:
        if self._found:
            raise PolicyInvalid(self.listed())

    def _in_order(self, noted: set[tuple[Mark, str]]) -> tuple[Problem, ...]:
        return tuple(
            Problem(self._source, mark.line, mark.column, sentence) for mark, sentence in sorted(noted)[:MAX_PROBLEMS]
        )
