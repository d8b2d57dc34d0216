"""The policy of the campaign, in its two versions: one rule for each family of actions.

The second one gives people a minute more, wants one approval where the first wants two, and denies in other words. So
which of them a request was made under can be read off the request.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from faults.campaign.plan import BACK, CHANNELS, CLOSING, LISTED, OPS
from faults.campaign.platform import ADMINS, GROUP, UNREACHABLE, address, channel_of
from sayso_bot.policy import digest

Version: TypeAlias = Literal["first", "second"]
VERSIONS: tuple[Version, Version] = ("first", "second")
MINUTES = {"first": 30, "second": 31}
PAIR = {"first": 2, "second": 1}
NEVER = {"first": "Never.", "second": "Never at all."}
ELSEWHERE = {
    "pair": "one", "why": "two", "type": "three", "form": "four", "long": "five", "back": CLOSING, "hush": CLOSING,
    "desk": CLOSING,
}  # fmt: skip
"""Families that are asked in a channel of another name."""
CHANGED = (*CHANNELS, "pair", "why", "type", "form", "long", LISTED)
"""Families whose rules the two versions have otherwise, and whose channels are there all the while. What the second
version demands less, admins are told."""


def policy(version: Version = "first") -> str:
    places = [f"  {name}: slack:{channel_of(name)}" for name in (*CHANNELS, LISTED, CLOSING, BACK, OPS)]
    wait = f"timeout: {MINUTES[version]}m"
    asked = {
        **dict.fromkeys(CHANNELS, f"{wait}, editable: [number]"),
        "pair": f"quorum: {PAIR[version]}, {wait}, editable: [number]",
        "why": f"reason: always, {wait}, editable: [number]",
        "type": f"confirm: type, {wait}, editable: [number]",
        "form": f"forms: true, {wait}, editable: [number]",
        "long": wait,
        LISTED: f"digest: true, {wait}",
        "back": f"fallback: {BACK}, {wait}",
        "hush": "fallback: gone, timeout: 10s",
        "desk": "fallback: desk, timeout: 10s",
        "gone": "timeout: 10s",
    }
    rules = []
    for family, how in asked.items():
        ask = f"{{channel: {ELSEWHERE.get(family, family)}, approvers: crew, {how}}}"
        rules.append(f'  - action: "{family}.*"\n    ask: {ask}')
    named = ["channels:", *places, f"  gone: slack:{UNREACHABLE}", "  desk: inbox"]
    settled = ['  - action: "allow.*"\n    allow: true', f'  - action: "deny.*"\n    deny: {NEVER[version]}\n']
    people = [f"admins: [{', '.join(f'email:{address(user)}' for user in ADMINS)}]", "approvers:"]
    return "\n".join([*named, *people, f"  crew: [slack:{GROUP}]", "rules:", *rules, *settled])


DIGESTS: dict[str, Version] = {digest(policy(version)): version for version in VERSIONS}


def place_of_rule(family: str) -> str:
    """The channel that the rule of a family names, as Slack's id."""
    return UNREACHABLE if family == "gone" else channel_of(ELSEWHERE.get(family, family))
