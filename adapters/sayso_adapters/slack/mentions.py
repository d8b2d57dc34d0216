"""Who is called by name when a card is posted: the accounts and groups of the rule that asks, and nobody else.

The line goes away when the card is first updated, so the people who can decide are called once. It is made of ids
alone, each checked by its form; no word of an agent can become a mention, and a whole channel is never called.
"""

from __future__ import annotations

from collections.abc import Sequence

from sayso_adapters.slack.home import Home
from sayso_adapters.slack.people import GROUP, USER

MOST_PEOPLE = 5
MOST_GROUPS = 5


def mentions(approvers: Sequence[str], place: str, home: Home) -> str:
    """One line of mrkdwn that mentions ``approvers`` of this workspace, or nothing.

    More than five single people are not mentioned, their groups are. Direct messages reach their reader without it.
    """
    if USER.match(home.local(place) or ""):
        return ""
    here = [found for name in dict.fromkeys(approvers) if name.startswith("slack:") and (found := home.local(name))]
    people = [f"<@{found}>" for found in here if USER.match(found)]
    groups = [f"<!subteam^{found}>" for found in here if GROUP.match(found)]
    named = [*(people if len(people) <= MOST_PEOPLE else ()), *groups[:MOST_GROUPS]]
    return f"For {', '.join(named)}" if named else ""
