"""What was in force, one after the other: each time that a policy document was put in force is a Version.

A document is named by its digest and may come back; then two versions have one document. What changed from one to the
next is said as a person thinks of it: rules that were added, removed, changed or moved, and what got weaker.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Via = Literal["file", "command", "api"]
MAX_COMMENT = 500


@dataclass(frozen=True, slots=True)
class Origin:
    """Who puts a document in force. ``where`` is the file or the machine; ``restores`` is the version that a rollback
    brings back; ``weakens`` are sentences about what the document demands less than the one before it, ``dismisses``
    the admins whom that one named and this one does not.

    Empty texts: it is not known.
    """

    by: str = ""
    via: Via = "file"
    where: str = ""
    comment: str = ""
    restores: int | None = None
    weakens: tuple[str, ...] = ()
    dismisses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """``replaces`` is None where the built-in default was in force before. Of a document that was in force before
    versions were counted, ``at`` is None.
    """

    number: int
    digest: str
    replaces: str | None
    at: datetime | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class VersionPage:
    """Versions, newest first. ``active`` is the digest in force, None for the built-in default; ``more``: older ones
    follow.
    """

    active: str | None
    items: tuple[Version, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What became of one rule. ``details`` are lines like ``quorum: 2 → 1``; ``line`` is where it stands, in the later
    document where it is there.
    """

    kind: Literal["added", "removed", "changed", "moved"]
    rule: str
    line: int
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weakening:
    """What the later document demands less: for which actions, by which rules, and in what. ``line`` is where the
    later rule stands. ``before`` is empty where no rule let them happen. What is of no rule has an empty ``after``.
    """

    action: str
    before: str
    after: str
    line: int
    sentence: str

    def __str__(self) -> str:
        if not self.after:
            return f"{self.before}: {self.sentence}."
        was = f', was "{self.before}"' if self.before not in ("", self.after) else ""
        return f'{self.action}: {self.sentence} (rule "{self.after}"{was}).'


@dataclass(frozen=True, slots=True)
class Comparison:
    """From one document to a later one. ``names`` are changes of channels, groups, people and admins, in lines.

    ``partial``: so many patterns overlap that something may be weaker that is not in ``weakened``.
    """

    rules: tuple[RuleChange, ...] = ()
    names: tuple[str, ...] = ()
    weakened: tuple[Weakening, ...] = ()
    partial: bool = False

    @property
    def same(self) -> bool:
        """Whether both documents mean the same."""
        return not (self.rules or self.names or self.weakened)


@dataclass(frozen=True, slots=True)
class Found:
    """A document that is or was in force. ``text`` is None for the built-in default, which has none."""

    version: Version | None
    digest: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Activated:
    """``changed`` is False where the document was in force already."""

    number: int
    digest: str
    replaced: str | None
    changed: bool
    comparison: Comparison | None
