"""What admins are told of the policy, alone and once: that it demands less than before, and that its file is not valid.

Whoever finds it out looks first what was told last, so neither a process that dies nor a second replica makes a
difference, and a command of the operator's needs no account of any admin's.
"""

from __future__ import annotations

from sayso_bot.domain.interventions import put_in_force
from sayso_bot.domain.notice import Notice
from sayso_bot.domain.text import one_line
from sayso_bot.domain.versions import Version
from sayso_bot.office.admins import Admins
from sayso_bot.office.rooms import Tools

VERSION, FILE = "policy version", "policy file"
MOST_VERSIONS = 100
MOST_SENTENCES = 5
MOST_OF_A_SENTENCE = 300
MOST_OF_A_PROBLEM = 500


class News:
    def __init__(self, tools: Tools, admins: Admins) -> None:
        self._tools = tools
        self._admins = admins

    async def tell_what_got_weaker(self) -> None:
        """Tell of each of the newest versions since the last one that was told of, where it demands less. A book that
        was never looked at before begins with what is in force now. Who the admins are is known once this process goes
        by the newest version itself.
        """
        books, store = self._tools.books, self._tools.store
        last, newest = await books.told(VERSION), await store.versions(limit=1)
        number = newest.items[0].number if newest.items else 0
        if str(number) == last or newest.active != self._tools.configuration.policy.digest:
            return
        notices: list[tuple[Notice, str]] = []
        if last:
            page = await store.versions(before=number + 1, limit=MOST_VERSIONS)
            since = [version for version in reversed(page.items) if version.number > int(last)]
            for version in since:
                if not (version.replaces and version.origin.weakens):
                    continue
                told_at = await self._admins.places(version.origin.dismisses)
                if told_at is None:
                    return
                notices += self._tools.notices(_weaker(version), told_at)
        await books.tell(VERSION, str(number), last, notices)

    async def tell_of_file(self, problem: str, before: str | None) -> bool:
        """Tell what is wrong with the policy's file, where that is not what was told last; an empty ``problem``:
        nothing is any more, where ``before`` was told last, or whatever was (None). False where that is to be tried
        again, because it is not known now who the admins are.
        """
        books, problem = self._tools.books, problem[:MOST_OF_A_PROBLEM]
        if not problem:
            await books.tell(FILE, "", None if before is None else before[:MOST_OF_A_PROBLEM], ())
        elif problem != await books.told(FILE):
            told_at = await self._admins.places()
            if told_at is None:
                return False
            await books.tell(FILE, problem, None, self._tools.notices(_invalid(problem), told_at))
        return True


def _weaker(version: Version) -> str:
    weakens = version.origin.weakens
    lines = [f"{put_in_force(version.origin)} Version {version.number} of the policy demands less:"]
    lines += [one_line(sentence)[:MOST_OF_A_SENTENCE] for sentence in weakens[:MOST_SENTENCES]]
    more = "And more. " if len(weakens) > MOST_SENTENCES else ""
    lines.append(f"{more}sayso policy diff {version.number - 1} {version.number} shows all that has changed.")
    return "\n".join(lines)


def _invalid(problem: str) -> str:
    return f"The policy's file is not valid, so the policy in force stays. {one_line(problem)}"
