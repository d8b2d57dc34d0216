"""Values of a policy document, read one by one: what is wrong is noted, and reading goes on.

Every reader gives None where it has noted a problem, so a caller goes on with what it has.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TypeAlias

from sayso_bot.domain.policy import MAX_DURATION_SECONDS, format_duration, parse_duration
from sayso_bot.domain.text import one_line
from sayso_bot.policy.problems import Problems
from sayso_bot.policy.tree import Items, Node, Scalar, Table, shown

Entry: TypeAlias = tuple[Scalar, Node]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
_WHOLE = re.compile(r"[0-9]{1,6}\Z")


class Fields:
    """Reads values and notes in ``problems`` what is wrong with them."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def refuse(self, node: Node, sentence: str) -> None:
        self._problems.add(node.mark, sentence)

    def refuse_inside(self, node: Node, line: int, column: int, sentence: str) -> None:
        """Refuse what stands at ``line``:``column`` inside a text."""
        mark = node.inside(line, column) if isinstance(node, Scalar) else node.mark
        self._problems.add(mark, sentence)

    def table(self, node: Node, what: str, known: Collection[str] | None = None) -> dict[str, Entry] | None:
        """The entries of a table; keys that are not ``known`` are refused."""
        if not isinstance(node, Table):
            self.refuse(node, f"{what} must be a table of keys and values.")
            return None
        for key, (written, _) in node.entries.items():
            if known is not None and key not in known:
                listed = ", ".join(known)
                self.refuse(written, f'"{shown(key)}" is unknown or not offered in this version. Known here: {listed}.')
        return node.entries

    def named(self, node: Node, what: str) -> Iterator[tuple[str, Entry]]:
        """The entries of a table whose keys are names that the author gives."""
        for name, entry in (self.table(node, what) or {}).items():
            if _NAME.match(name):
                yield name, entry
            else:
                self.refuse(entry[0], "A name has up to 64 letters, digits, points, dashes and underscores.")

    def items(self, node: Node, what: str, most: int) -> list[Node] | None:
        if not isinstance(node, Items):
            self.refuse(node, f"{what} must be a list.")
        elif not node.nodes:
            self.refuse(node, f"{what} must not be empty.")
        elif len(node.nodes) > most:
            self.refuse(node, f"{what} has more than {most} entries.")
        else:
            return node.nodes
        return None

    def text(self, node: Node, what: str) -> str | None:
        if not isinstance(node, Scalar):
            self.refuse(node, f"{what} must be text.")
        elif not node.value.strip():
            self.refuse(node, f"{what} is empty.")
        elif node.kind != "str":
            self.refuse(node, f"{what} must be text, and YAML takes {shown(node.value)} for something else; quote it.")
        else:
            return node.value
        return None

    def sentence(self, node: Node, what: str, most: int) -> str | None:
        """A text that people will read: one line, nothing invisible in it."""
        text = self.text(node, what)
        if text is None:
            return None
        text = text.strip()
        if len(text) > most:
            self.refuse(node, f"{what} has more than {most} characters.")
        elif one_line(text) != text:
            self.refuse(node, f"{what} must be one line without invisible characters.")
        else:
            return text
        return None

    def choice(self, node: Node, what: str, choices: Collection[str]) -> str | None:
        text = self.text(node, what)
        if text is None or text in choices:
            return text
        self.refuse(node, f"{what} is one of {', '.join(choices)}.")
        return None

    def whole(self, node: Node, what: str, least: int, most: int) -> int | None:
        if isinstance(node, Scalar) and node.kind == "int" and _WHOLE.match(node.value):
            number = int(node.value)
            if least <= number <= most:
                return number
        self.refuse(node, f"{what} is a whole number from {least} to {most}.")
        return None

    def duration(self, node: Node, what: str, least: int) -> int | None:
        """Seconds."""
        try:
            seconds = parse_duration(node.value if isinstance(node, Scalar) else "")
        except ValueError:
            seconds = -1
        if seconds >= least:
            return seconds
        bounds = f"from {format_duration(least)} to {format_duration(MAX_DURATION_SECONDS)}"
        self.refuse(node, f"{what} is a duration like 90s, 15m, 2h or 3d, {bounds}.")
        return None

    def true(self, node: Node, what: str) -> bool:
        if isinstance(node, Scalar) and node.kind == "bool" and node.value.lower() == "true":
            return True
        self.refuse(node, f"{what} has one value only: true.")
        return False
