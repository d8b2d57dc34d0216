"""Everything that an admin's page can have on it at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sayso_bot.domain.admin import Admin, Caller
from sayso_bot.domain.key import Key
from sayso_bot.domain.pauses import Pause, Scope
from sayso_bot.domain.policy import Route
from sayso_bot.domain.routing import LiveChannel, LiveRoute
from sayso_bot.ports import ChannelNow, Illness, KeyNow, Overview, RouteNow, RuleNow
from sayso_bot.testing.office import NOTHING
from sayso_bot.testing.samples import AT, a_requirement

OLGA = "email:olga@example.com"
BY = Admin(OLGA, "Olga", "slack", OLGA)
ROUTE = LiveRoute(
    "route_0123456789abcdef", "payments.*", "ops", "slack:C0OPS", BY, "payments <sleeps>", AT, AT + timedelta(hours=2)
)
NIGHT = LiveChannel("night", "slack:C0NIGHT", BY, "", AT)
PAUSE = Pause("pause_0123456789abcdef", Scope(agent="refunder"), BY, "it loops", AT)
ILL = Illness("slack:C0OPS", "is_archived", AT)
KEY = Key(
    id="key_0123456789abcdef",
    name="refunder",
    kinds=frozenset({"agent"}),
    actions=("payments.*",),
    digest="0" * 64,
    created_at=AT,
    principal="ana@x.org",
)
LARGE = a_requirement(
    "slack:C0PAYMENTS",
    quorum=2,
    group="finance",
    reason="always",
    confirm=True,
    editable=("amount", "note"),
    high_risk=True,
)
RULES = (
    Route("refunds", "payments.refund", True, "ask", LARGE, "params.amount > 500"),
    Route("deploys", "deploy.*", False, "ask", a_requirement("inbox", channel="inbox", fallback="ops")),
    Route("reads", "read.*", False, "allow", None),
    Route("never", "*", False, "deny", None),
)


def is_olga(caller: Caller) -> bool:
    return caller.person is not None and caller.person.id == OLGA


def stands(many: int = 1) -> Overview:
    """``many`` of all that there can be many of."""
    routes = [replace(ROUTE, id=f"route_{number:016x}", action=f"payments.{number}.*") for number in range(many)]
    keys = [replace(KEY, id=f"key_{number:016x}", name=f"agent-{number}") for number in range(many)]
    over = replace(KEY, id="key_ffffffffffffffff", name="older", revoked_at=AT, kinds=frozenset({"admin"}))
    return replace(
        NOTHING,
        version=7,
        rules=tuple(RuleNow(rule, (ROUTE,), (PAUSE,)) if rule is RULES[0] else RuleNow(rule, (), ()) for rule in RULES),
        routes=tuple(RouteNow(route, ("refunds",), shadowed=True, ill=ILL) for route in routes),
        channels=(
            ChannelNow("inbox", "inbox", None, False, (), None),
            ChannelNow("ops", "slack:C0OPS", None, False, (ROUTE,), ILL),
            ChannelNow("night", "slack:C0NIGHT", NIGHT, False, (), None),
        ),
        pauses=(PAUSE, *(replace(PAUSE, id=f"pause_{number:016x}", scope=Scope()) for number in range(many - 1))),
        keys=(*(KeyNow(key, AT) for key in keys), KeyNow(over, None)),
        ill=(ILL,),
    )
