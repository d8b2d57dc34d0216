"""``sayso move``: pending requests are asked in another channel. Who may answer stays as it is."""

from __future__ import annotations

from typing import Annotated

import typer

from sayso_bot.cli.office import Reason, Yes, carried_out, told
from sayso_bot.cli.printing import AsJson
from sayso_bot.domain.deeds import Move, MovedAlong
from sayso_bot.domain.request import REQUEST_ID
from sayso_bot.http.admin_schemas import moved_out


def command(
    what: Annotated[str, typer.Argument(metavar="ID|ACTION", help="A request's id, or a pattern for all that wait.")],
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="A channel's name, inbox, or a place.")],
    reason: Reason = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take pending requests along to another channel. Its cards there say so, and so do those that they leave."""
    one = REQUEST_ID.match(what) is not None
    deed = Move(channel, request=what if one else "", action="" if one else what, why=reason)
    done = carried_out(deed, yes=yes, posts=True)
    told(moved_out(done.the(MovedAlong)), done, as_json)
