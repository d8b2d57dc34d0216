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
        """Whether every action that ``other`` names is named by this pattern too.

        A star of ``other`` is put to the test as a character that no pattern writes: only a star can take it.
        """
        return self.matches(other.text.replace("*", _ANY_RUN))

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
