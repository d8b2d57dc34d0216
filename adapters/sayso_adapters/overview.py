"""What every chat says of what waits, of where things go, and of its commands. The drawing is each chat's own."""

from __future__ import annotations

from sayso_adapters.looking import Waiting
from sayso_bot.domain import commands
from sayso_bot.domain.policy import Route, format_duration
from sayso_bot.domain.request import Requirement
from sayso_bot.domain.text import one_line

LONGEST_WORD = 100

NOTHING_WAITS = "Nothing waits for you."
BY_THE_POLICY = "By the policy:"
NO_RULES = "The policy has no rules."
REST_IN_POLICY = "The rest is in the policy."
MOST_ROUTES = 50
MOST_CHANGES = 10


def help_lines(prefix: str = "") -> tuple[str, ...]:
    """What may be asked for; ``prefix`` is written before each command."""
    return (
        f"{prefix}pending — what waits for you",
        f"{prefix}show req_… — one request as it stands, and its button to answer it",
        f"{prefix}routes — where each kind of action goes",
        f"{prefix}help — this",
    )


def admins_help_lines(prefix: str = "") -> tuple[str, ...]:
    """The same for admins, to be said after it."""
    return ("", "As an admin:", *(f"{prefix}{line}" for line in commands.HELP))


def not_listed(waiting: Waiting, unfit: int = 0) -> str:
    """A sentence about what the list leaves out, or nothing. ``unfit`` are those for which there is no room."""
    told = []
    if unfit:
        told.append(f"{unfit} more that {'wait' if unfit > 1 else 'waits'} for you {_do(unfit)} not fit here.")
    if waiting.unsure:
        waits = "waits" if waiting.unsure == 1 else "wait"
        told.append(f"It could not be checked whether {waiting.unsure} more {waits} for you.")
    if waiting.unread:
        told.append(f"{waiting.unread} newer {'requests were' if waiting.unread > 1 else 'request was'} not looked at.")
    if waiting.more:
        told.append("There may be older ones.")
    return " ".join([*told, "The inbox lists all that wait."]) if told else ""


def _do(count: int) -> str:
    return "do" if count > 1 else "does"


def not_told(count: int, what: str) -> str:
    """What a list of routes or pauses leaves out, or nothing."""
    return f"{count} more {what} are not listed." if count > 0 else ""


def asked_where(route: Route) -> str:
    """Where what a rule names is asked, on one line."""
    what = f"{_word(route.action)}{' (under a condition)' if route.conditional else ''}"
    if route.requirement is None:
        return f"{what}: {'allowed' if route.kind == 'allow' else 'denied'} by the rule “{_word(route.rule)}”"
    return f"{what}: {_asks(route.requirement)}"


def _asks(requirement: Requirement) -> str:
    named = requirement.group or ", ".join(requirement.approvers or ())
    who = _word(named) if named else "whoever is there"
    wanted = "1 approval" if requirement.quorum == 1 else f"{requirement.quorum} approvals"
    within = format_duration(requirement.timeout_seconds)
    return f"asked in {_word(requirement.channel)}, {wanted} from {who}, within {within}"


def _word(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= LONGEST_WORD else line[: LONGEST_WORD - 1] + "…"
