"""``sayso ask``: ask, show what is waited for, print how it ended, and say it with the exit code.

Standard output holds the result and nothing else; everything on the way goes to standard error. 0 is approved, 3
denied, 4 expired, 5 cancelled, 2 usage, 130 interrupted. 6 is said only where no request was made for certain; 1 is
any other trouble: undecided when ``--wait`` ran out, or an answer that was lost on its way.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from sayso.terminal import visible

if TYPE_CHECKING:
    from sayso.asking import Asking
    from sayso.errors import SaysoError
    from sayso.request import Request
    from sayso.strict_json import Json

TROUBLE, USAGE, NOT_MADE, INTERRUPTED = 1, 2, 6, 130
EXIT_CODES = {"approved": 0, "denied": 3, "expired": 4, "cancelled": 5, "pending": TROUBLE}


def ask(
    action: Annotated[str, typer.Argument(help="What is to be done, such as payments.refund.", show_default=False)],
    param: Annotated[
        list[str] | None, typer.Option(metavar="KEY=JSON", help="One parameter; repeat it. A text needs its quotes.")
    ] = None,
    params: Annotated[
        str | None, typer.Option(metavar="JSON|@FILE|-", help="All parameters, as a JSON object; - reads them.")
    ] = None,
    summary: Annotated[str | None, typer.Option(help="What people are told beside the facts.")] = None,
    timeout: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Let the request end sooner than its rule says: 15m.")
    ] = None,
    wait: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Stop waiting after this; the request goes on.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="The same key and content find the same request again.")
    ] = None,
    edits: Annotated[
        bool, typer.Option("--edits", help="Take an approval of other params: do what the printed ones say.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the request as JSON.")] = False,
) -> None:
    """Ask for an action and wait until people decide.

    Ends with 0 when approved, 3 denied, 4 expired, 5 cancelled, 6 when no request was made, 1 when one was or may have
    been and how it ends is not known, or other params were approved, 2 on wrong usage, 130 on Ctrl-C.
    """
    from sayso.params_option import content_of

    content = content_of(param or [], params)
    key = idempotency_key or _new_key()
    asking: Asking = {"summary": summary, "timeout": timeout, "wait": wait, "edits": edits}
    request = _asked(action, content, key, asking, as_json)
    _result(request, as_json)
    if request.status == "approved" and request.original_params is not None and not edits:
        _say("An approver has changed the params, so what was asked is not approved. --edits takes such approvals.")
        raise typer.Exit(TROUBLE)
    if not request.settled:
        _say(_resume("The wait ran out", request.id, key))
    raise typer.Exit(EXIT_CODES[request.status])


def _asked(action: str, content: dict[str, Json], key: str, asking: Asking, as_json: bool) -> Request:
    """The request as the wait leaves it, whatever was decided. Where there is none to show, the command ends here."""
    from sayso.client import Sayso
    from sayso.errors import Edited, NotApproved, SaysoError, StillPending, Unusable
    from sayso.watching import Watching

    watching = Watching()
    asking = {**asking, "idempotency_key": key, "progress": watching.progress}
    try:
        with Sayso() as client, watching:
            return client.ask(action, content, **asking)
    except (NotApproved, Edited, StillPending) as ended:
        return ended.request
    except Unusable as error:
        _say(str(error))
        raise typer.Exit(USAGE) from None
    except SaysoError as error:
        _trouble(error, key, as_json)
    except KeyboardInterrupt:
        _say(_resume("Interrupted", watching.request_id, key))
        raise typer.Exit(INTERRUPTED) from None


def _new_key() -> str:
    import uuid

    return str(uuid.uuid4())


def _result(request: Request, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(request.raw))
        return
    typer.echo(f"{request.status}: {visible(request.action)} ({request.id})")
    if request.original_params is not None:
        typer.echo(f"params: {visible(json.dumps(request.params, ensure_ascii=False))}")
    if request.decision is not None and request.decision.response is not None:
        typer.echo(f"response: {visible(json.dumps(request.decision.response, ensure_ascii=False))}")
    for vote in request.votes:
        said = f": {visible(vote.reason)}" if vote.reason else ""
        verb = {"approve": "approved", "deny": "denied"}.get(vote.outcome, visible(vote.outcome))
        typer.echo(f"{visible(vote.name)} {verb} in {visible(vote.surface)}{said}")
    decision = request.decision
    if decision is not None and not decision.votes:
        typer.echo(f"cause: {visible(decision.cause)}{': ' + visible(decision.reason) if decision.reason else ''}")


def _trouble(error: SaysoError, key: str, as_json: bool) -> NoReturn:
    from sayso.errors import Refused

    code = error.code if isinstance(error, Refused) else None
    if as_json:
        problem = {"error": code or type(error).__name__.lower(), "detail": getattr(error, "detail", str(error))}
        typer.echo(json.dumps({**problem, "id": error.request_id, "idempotency_key": key}))
    _say(str(error))
    if error.request_id is None and not error.maybe_made:
        raise typer.Exit(NOT_MADE)
    _say(_resume("It is not known how this ends", error.request_id, key))
    raise typer.Exit(TROUBLE)


def _resume(why: str, request_id: str | None, key: str) -> str:
    what = f"the request {request_id} goes on" if request_id else "a request may have been made"
    return f"{why}; {what}. Go on waiting with the same command and: --idempotency-key {visible(key)}"


def _say(sentence: str) -> None:
    typer.echo(sentence, err=True)
