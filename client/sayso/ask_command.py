"""``sayso ask``: ask, show what is waited for, print how it ended, and say it with the exit code.

Standard output holds the result and nothing else; everything on the way goes to standard error. 0 is approved, 3
denied, 4 expired, 5 cancelled, 6 no request was made, 1 any later trouble (also: undecided when ``--wait`` ran out), 2
usage, 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from sayso.terminal import visible

if TYPE_CHECKING:
    from sayso.errors import SaysoError
    from sayso.request import Request
    from sayso.strict_json import Json

UNDECIDED, USAGE, NOT_MADE, INTERRUPTED = 1, 2, 6, 130
EXIT_CODES = {"approved": 0, "denied": 3, "expired": 4, "cancelled": 5, "pending": UNDECIDED}


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
    as_json: Annotated[bool, typer.Option("--json", help="Print the request as JSON.")] = False,
) -> None:
    """Ask for an action and wait until people decide.

    Ends with 0 when approved, 3 denied, 4 expired, 5 cancelled, 6 when no request was made, 1 on later trouble or when
    --wait ran out, 2 on wrong usage, 130 on Ctrl-C.
    """
    from sayso.client import Sayso
    from sayso.errors import NotApproved, SaysoError, StillPending, Unusable
    from sayso.watching import Watching

    content = _content(param or [], params)
    key = idempotency_key or _new_key()
    watching = Watching()
    try:
        with Sayso() as client, watching:
            request: Request = client.ask(
                action,
                content,
                summary=summary,
                timeout=timeout,
                wait=wait,
                idempotency_key=key,
                progress=watching.progress,
            )
    except (NotApproved, StillPending) as ended:
        request = ended.request
    except Unusable as error:
        _say(str(error))
        raise typer.Exit(USAGE) from None
    except SaysoError as error:
        _trouble(error, key, as_json)
    except KeyboardInterrupt:
        _say(_resume("Interrupted", watching.request_id, key))
        raise typer.Exit(INTERRUPTED) from None
    _result(request, as_json)
    if not request.settled:
        _say(_resume("The wait ran out", request.id, key))
    raise typer.Exit(EXIT_CODES[request.status])


def _content(given: list[str], whole: str | None) -> dict[str, Json]:
    """The params of ``--params`` and of every ``--param``. Ends with a usage error where they make no sense."""
    content = _object(whole) if whole is not None else {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals or not name:
            _usage(f"--param {item}: write it as KEY=JSON.")
        if name in content:
            _usage(f"The parameter {name} is given twice.")
        content[name] = _value(name, text)
    return content


def _value(name: str, text: str) -> Json:
    from sayso.strict_json import Ambiguous, loads

    try:
        return loads(text)
    except Ambiguous as problem:
        _usage(f"--param {name}: {problem}")
    except ValueError:
        quoted = json.dumps(text, ensure_ascii=False).replace("'", "'\\''")
        _usage(f"--param {name}: {text} is not JSON. If it is a text, keep its quotes: --param '{name}={quoted}'")


def _object(source: str) -> dict[str, Json]:
    from sayso.strict_json import Ambiguous, loads

    try:
        value = loads(_text(source))
    except Ambiguous as problem:
        _usage(f"--params: {problem}")
    except ValueError:
        _usage("--params: that is not JSON.")
    if not isinstance(value, dict):
        _usage("--params: that is JSON, but not an object.")
    return value


def _text(source: str) -> str | bytes:
    if source == "-":
        return sys.stdin.buffer.read()
    if not source.startswith("@"):
        return source
    try:
        return Path(source[1:]).read_bytes()
    except OSError:
        _usage(f"--params: the file {source[1:]} cannot be read.")


def _new_key() -> str:
    import uuid

    return str(uuid.uuid4())


def _result(request: Request, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(request.raw))
        return
    typer.echo(f"{request.status}: {visible(request.action)} ({request.id})")
    for vote in request.votes:
        said = f": {visible(vote.reason)}" if vote.reason else ""
        verb = {"approve": "approved", "deny": "denied"}.get(vote.outcome, visible(vote.outcome))
        typer.echo(f"{visible(vote.name)} {verb} in {visible(vote.surface)}{said}")
    decision = request.decision
    if decision is not None and not decision.votes:
        typer.echo(f"cause: {visible(decision.cause)}{': ' + visible(decision.reason) if decision.reason else ''}")


def _trouble(error: SaysoError, key: str, as_json: bool) -> NoReturn:
    from sayso.errors import Mismatch, Refused, Unreachable

    code = error.code if isinstance(error, Refused) else None
    if as_json:
        problem = {"error": code or type(error).__name__.lower(), "detail": getattr(error, "detail", str(error))}
        typer.echo(json.dumps({**problem, "id": error.request_id, "idempotency_key": key}))
    _say(str(error))
    made = error.request_id is not None
    if made or isinstance(error, Mismatch) or (isinstance(error, Unreachable) and error.maybe_made):
        _say(_resume("It is not known how this ends", error.request_id, key))
    raise typer.Exit(1 if made or isinstance(error, Mismatch) else NOT_MADE)


def _resume(why: str, request_id: str | None, key: str) -> str:
    what = f"the request {request_id} goes on" if request_id else "a request may have been made"
    return f"{why}; {what}. Go on waiting with the same command and: --idempotency-key {visible(key)}"


def _usage(sentence: str) -> NoReturn:
    raise typer.BadParameter(visible(sentence))


def _say(sentence: str) -> None:
    typer.echo(sentence, err=True)
