"""Action patterns: ``*`` stands for any run of characters, dots included; all else stands for itself.

Matching takes time in proportion to the action, whatever the pattern: the text between two stars is taken where it is
first found, and never looked for again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

ACTION_PATTERN = re.compile(r"[A-Za-z0-9_.:/*-]{1,128}\Z")
_ANY_RUN = "\0"


@dataclass(frozen=True, slots=True)
class Glob:
    """``text`` matches `ACTION_PATTERN`; whoever reads it from outside sees to that."""

    text: str
    _parts: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_parts", tuple(self.text.split("*")))

    @property
    def exact(self) -> bool:
        return len(self._parts) == 1

    @property
    def ends(self) -> tuple[str, str]:
        """What every action that it names begins and ends with, where it has a star."""
        return self._parts[0], self._parts[-1]

    @property
    def any_run(self) -> str:
        """Its text with a character in the place of each star that no pattern writes: only a star can take it."""
        return self.text.replace("*", _ANY_RUN)

    def matches(self, action: str) -> bool:
        if self.exact:
            return action == self.text
        first, *middle, last = self._parts
        end = len(action) - len(last)
        if end < len(first) or not action.startswith(first) or not action.endswith(last):
            return False
        at = len(first)
        for part in middle:
            found = action.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True

    def covers(self, other: Glob) -> bool:
        """Whether every action that ``other`` names is named by this pattern too."""
        return self.matches(other.any_run)

    def meets(self, other: Glob) -> bool:
        """Whether some action is named by both.

        Of two patterns with a star each, one is found by writing out the longer beginning, all that stands between the
        stars of both, and the longer end; only beginnings or ends that contradict each other rule that out.
        """
        if self.exact:
            return other.matches(self.text)
        if other.exact:
            return self.matches(other.text)
        mine, theirs = self._parts, other._parts
        begins = mine[0].startswith(theirs[0]) or theirs[0].startswith(mine[0])
        return begins and (mine[-1].endswith(theirs[-1]) or theirs[-1].endswith(mine[-1]))

    def overlap(self, other: Glob) -> str | None:
        """An action that both patterns name, in the form of `any_run`; None where they cannot both name one.

        Both have a star. Of all actions that both name it is one of the longest kind, so that the fewest others do.
        """
        if not self.meets(other):
            return None
        (first, *middle, last), (begun, *within, ended) = self._parts, other._parts
        return _ANY_RUN.join((max(first, begun, key=len), *middle, *within, max(last, ended, key=len)))

    @classmethod
    def of_any_run(cls, action: str) -> Glob:
        """The pattern of which `any_run` is ``action``."""
        return cls(action.replace(_ANY_RUN, "*"))
