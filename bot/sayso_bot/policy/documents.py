"""Documents that were read of late, so that what was just checked is not compiled again to be put in force.

A document of ten thousand rules takes a second to read. Its compiled form belongs to its text alone, so a few are kept
by their digests.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from sayso_bot.policy.document import digest, free, load
from sayso_bot.policy.engine import LoadedPolicy
from sayso_bot.policy.source import read

KEPT = 3


class Documents:
    """Safe to use from several threads: at worst a document is read twice."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, LoadedPolicy] = OrderedDict()

    def checked(self, text: str, source: str) -> LoadedPolicy:
        """The policy that ``text`` says. Raises `PolicyInvalid` with all that is wrong with it."""
        return self._known(text) or self._keep(load(text, source))

    def in_force(self, text: str) -> LoadedPolicy:
        """The same of a document that was put in force before: what does no good is told, not refused."""
        return self._known(text) or load(text, "active policy", in_force=True)

    def from_file(self, path: Path) -> tuple[str, LoadedPolicy]:
        """A file's text and policy. Raises `Unusable`."""
        text, source = read(path)
        return text, self.checked(text, source)

    def _known(self, text: str) -> LoadedPolicy | None:
        name = digest(text)
        found = self._kept.get(name)
        if found is not None:
            self._kept.move_to_end(name)
        return found

    def _keep(self, policy: LoadedPolicy) -> LoadedPolicy:
        self._kept[policy.digest] = policy
        while len(self._kept) > KEPT:
            self._let_go()
        return policy

    def _let_go(self) -> None:
        """Forget the oldest, and free it where nobody else holds it."""
        free(list(self._kept.popitem(last=False)[1].in_order))
