"""What a policy document may say: every key, its form, and what it is for.

The reader reads by it, and `sayso policy schema` writes it down for editors. docs/policy.md has the same keys; a test
holds the three together.
"""

from __future__ import annotations

import re
from functools import cache, partial

from sayso_bot.domain.globs import ACTION_PATTERN
from sayso_bot.domain.policy import MIN_TIMEOUT_SECONDS
from sayso_bot.policy.conditions import MAX_EXPRESSION
from sayso_bot.policy.params import TYPES
from sayso_bot.policy.places import (
    Unacceptable,
    account,
    account_schemas,
    address,
    address_schemas,
    approver,
    approver_schemas,
)
from sayso_bot.policy.shapes import Choice, Duration, Form, Line, Pattern, Switch, Text, Whole
from sayso_bot.policy.tables import Each, Either, Key, Keys, Named, Values

MAX_RULES = 10_000
MAX_APPROVERS = 200
MAX_ACCOUNTS = 20
MAX_QUORUM = 100
MAX_PARAMS = 64
MAX_EXAMPLES = 20
MAX_NAME = 80
MAX_REASON = 500

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
_NAMES = {"pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"}
_NAME_SENTENCE = "A name has up to 64 letters, digits, points, dashes and underscores."
_TYPE = re.compile(rf"(?:{'|'.join(TYPES)})\??\Z")
DURATION = Duration(MIN_TIMEOUT_SECONDS)
_ACTION = Pattern(
    ACTION_PATTERN, "action is one pattern of up to 128 letters, digits and _ . : / - with * for any run of them."
)


def _names(value: object, called: str) -> Named:
    return Named(value, called, _NAMES, _NAME.match, _NAME_SENTENCE)  # type: ignore[arg-type]


PARAMS = Named(
    Pattern(_TYPE, f"A type is one of {', '.join(TYPES)}; with ? behind it the param may be absent or null."),
    "The type of {}",
    {"minLength": 1, "maxLength": MAX_NAME},
    lambda name: 0 < len(name) <= MAX_NAME,
    f"A param's name has 1 to {MAX_NAME} characters.",
    MAX_PARAMS,
)


@cache
def grammar(platforms: frozenset[str]) -> Keys:
    """The document; ``platforms`` are the prefixes of addresses that are offered."""
    approvers = Each(
        Form(partial(approver, platforms=platforms), Unacceptable, approver_schemas(platforms)), MAX_APPROVERS
    )
    accounts = Each(Form(partial(account, platforms=platforms), Unacceptable, account_schemas(platforms)), MAX_ACCOUNTS)
    place = Form(partial(address, platforms=platforms), Unacceptable, address_schemas(platforms))
    return Keys(
        {
            "channels": Key(
                _names(place, "A channel's address"),
                "Names of places where people are asked. The channel inbox is always there.",
            ),
            "approvers": Key(_names(approvers, "The group {}"), "Groups of people who may answer."),
            "people": Key(
                _names(accounts, "The accounts of {}"),
                "Accounts that belong to one person, where a confirmed e-mail address does not say so.",
            ),
            "admins": Key(Either(Text(), approvers), "Who administers: a group's name, or a list. It decides nothing."),
            "rules": Key(
                Each(_rule(approvers), MAX_RULES, "A rule", partly=True),
                "What becomes of actions: the first rule that matches wins.",
            ),
        },
        needed={"rules": "A policy needs the key rules; without rules every action would be denied."},
    )


def _rule(approvers: Each) -> Keys:
    return Keys(
        {
            "name": Key(Line(MAX_NAME), "What people and the record call the rule. Its action when left out.",
                        "A rule's name"),
            "action": Key(_ACTION, "Which actions it is for: * stands for any run of characters, points included."),
            "params": Key(PARAMS, "Types of params; another type is denied. With ? behind it, a param may be absent."),
            "examples": Key(
                Each(Values(), MAX_EXAMPLES, "An example"),
                "Params as agents send them. The rule is tried with each when the policy is read.",
            ),
            "when": Key(Text(MAX_EXPRESSION), "A condition in CEL over action, agent, params and claims."),
            "risk": Key(Choice(("high",)), "high: its cards look different, and it names its approvers."),
            "ask": Key(_ask(approvers), "Ask people."),
            "allow": Key(Switch(), "Approve without asking."),
            "deny": Key(Line(MAX_REASON), "Deny without asking, for this reason.", "The reason of deny"),
        },
        needed={"action": 'A rule needs the key action; action: "*" names every action.'},
        one_of=("ask", "allow", "deny"),
        one_of_sentence="A rule has exactly one of ask, allow: true and deny: with a reason.",
        together={"risk": "ask"},
    )  # fmt: skip


def _ask(approvers: Each) -> Keys:
    return Keys(
        {
            "channel": Key(Text(), "Where: a name from channels, or inbox."),
            "approvers": Key(Either(Text(), approvers), "Who may answer: a group's name, or a list."),
            "quorum": Key(Whole(1, MAX_QUORUM), "How many different people must approve. One when left out."),
            "reason": Key(Choice(("always", "deny", "never")), "Whether whoever answers must say why."),
            "timeout": Key(DURATION, "How long people have. A day when left out."),
            "receipt": Key(DURATION, "How long an approval may be used. 15m when left out."),
            "fallback": Key(Text(), "Another channel, where the request goes that the first cannot show."),
            "confirm": Key(Choice(("type",)), "type: whoever approves types the action's name."),
            "editable": Key(
                Each(Line(MAX_NAME), MAX_PARAMS, "A param's name", unique=True), "Params that an approver may change."
            ),
            "forms": Key(Switch(), "The agent may ask for a form to be filled in."),
            "digest": Key(Switch(), "A burst of such requests is shown as one message."),
        },
        needed={"channel": "ask needs a channel; channel: inbox is always there."},
    )
