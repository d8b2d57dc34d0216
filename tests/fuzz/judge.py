"""What must hold of every answer, whatever was sent: each rule is a sentence that says what is wrong.

No 5xx but a declared 503 with Retry-After; every 4xx a problem document with a declared code, but for the pages of the
inbox, which carry their own headers, the chats' callbacks, which have no body, and The Handover's calls, which have a
form of theirs; an answer in time; nothing in a
header or a page that the caller put there. Teams is told 501 where it asks for what no bot of ours offers, and a person
whose code Slack does not take is told so on a page, with 502.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from fuzz.case import Case
from fuzz.mutation import MARKUP
from fuzz.wire import Answer, Exchange, is_whole, may_be_held
from sayso_bot.errors import SaysoError

PROBLEM = "application/problem+json; charset=utf-8"
SLACK_STATUSES = (400, 401, 404, 413)
TEAMS_STATUSES = (400, 401, 403, 404, 413, 501)
NOT_TAKEN = b"Slack did not complete it (invalid_code)"
LATER = (423, 429, 503)
LARGE = 60_000
FIELDS = ("action", "params", "summary", "reasoning", "diff", "links", "metadata", "on_behalf_of", "intent", "timeout",
          "status", "agent", "cursor", "limit", "wait", "Idempotency-Key", "callback_url", "form",
          "If-Match", "channel", "for", "until", "reason", "confirm", "place", "everything", "name", "kinds", "actions",
          "principal", "quotas", "overlap", "document", "comment", "version", "from", "to", "approver",
          "urgency", "timeout_minutes", "options", "response_type", "context", "context_images", "file")  # fmt: skip


def declared(base: type[SaysoError] = SaysoError) -> Iterator[tuple[str, int]]:
    """Each code of the tree of errors, with its status."""
    yield base.code, base.status
    for kind in base.__subclasses__():
        yield from declared(kind)


DECLARED = frozenset(declared())


def complaint(case: Case, found: Exchange) -> str | None:
    """What is wrong with how ``case`` was answered, or None."""
    if found.left:
        return f"what came back is no HTTP: {found.left[:200]!r}"
    if not found.answers and (wrong := _silence(case, found)):
        return wrong
    return next((wrong for answer in found.answers if (wrong := _of_answer(answer, found.sent))), None)


def _silence(case: Case, found: Exchange) -> str | None:
    if may_be_held(found.sent):
        return None
    if not found.ended:
        return f"neither an answer nor an end within {found.seconds:.1f} s"
    if len(found.sent) < LARGE and (case.whole or is_whole(found.sent)):
        return "the connection was closed without an answer"
    return None


def _of_answer(answer: Answer, sent: bytes) -> str | None:
    if "x-injected" in answer.headers:
        return "the caller wrote a header of the answer"
    if answer.media_type == "text/html" and MARKUP.encode() in answer.body:
        return "the caller's markup is in the page as it was sent"
    if answer.status < 400:
        return None
    if _is_chats(answer, sent):
        return None
    if answer.status == 502 and b"/slack/oauth_redirect" in sent and NOT_TAKEN in answer.body:
        return None
    if answer.status >= 500 and (answer.status != 503 or "retry-after" not in answer.headers):
        return f"answered {answer.status}: {answer.body[:300]!r}"
    if _is_inbox(answer) or _is_not_ready(answer):
        return _without_a_time(answer)
    return _of_handover(answer) if _is_handover(answer, sent) else _of_problem(answer)


def _is_handover(answer: Answer, sent: bytes) -> bool:
    """What the adapter itself refuses; a call that does not get so far is refused as any other."""
    return b"/handover/" in sent and answer.headers.get("content-type") != PROBLEM


def _of_handover(answer: Answer) -> str | None:
    try:
        told = json.loads(answer.body)
    except ValueError:
        return f"{answer.status} of The Handover's calls is no JSON: {answer.body[:300]!r}"
    if set(told) != {"error", "code"} or (told["code"], answer.status) not in DECLARED:
        return f"no declared error: {answer.status} {answer.body[:300]!r}"
    if not told["error"].endswith("."):
        return f"a refusal without a whole sentence: {answer.body[:300]!r}"
    return _without_a_time(answer)


def _is_inbox(answer: Answer) -> bool:
    return answer.headers.get("content-security-policy", "").startswith("default-src 'none'")


def _is_chats(answer: Answer, sent: bytes) -> bool:
    """A refusal of what a chat's platform sends, which reads no more than its status."""
    if answer.body:
        return False
    slack = b"/slack/" in sent and answer.status in SLACK_STATUSES
    return slack or (b"/api/messages" in sent and answer.status in TEAMS_STATUSES)


def _is_not_ready(answer: Answer) -> bool:
    return answer.status == 503 and answer.body.startswith(b'{"status":"not ready"')


def _of_problem(answer: Answer) -> str | None:
    if answer.headers.get("content-type") != PROBLEM:
        return f"{answer.status} is no problem document: {answer.headers.get('content-type')} {answer.body[:200]!r}"
    if not answer.body:  # of a HEAD
        return None
    try:
        told = json.loads(answer.body)
    except ValueError:
        return f"a problem document that is no JSON: {answer.body[:300]!r}"
    code = told.get("code")
    if (code, answer.status) not in DECLARED or told.get("status") != answer.status:
        return f"no declared error: {answer.status} {answer.body[:300]!r}"
    if told.get("type") != f"urn:sayso:problem:{code}" or not str(told.get("detail")).endswith("."):
        return f"a problem document without its type or a whole sentence: {answer.body[:300]!r}"
    if answer.headers.get("cache-control") != "no-store":
        return f"a problem document that may be kept: {answer.headers}"
    return _without_a_time(answer)


def _without_a_time(answer: Answer) -> str | None:
    if answer.status in LATER and not answer.headers.get("retry-after", "").isdigit():
        return f"{answer.status} without Retry-After"
    return None


def kind_of(case: Case, found: Exchange) -> tuple[object, ...]:
    """What sort of answer this was. An input that got one not seen before is worth changing further."""
    return (case.target, found.ended, *((answer.status, _what(answer)) for answer in found.answers[:3]))


def _what(answer: Answer) -> str:
    """The refusal's code, the field's beginning and the sentence's, or the media type. Nothing that a caller wrote."""
    if answer.headers.get("content-type") != PROBLEM or not answer.body:
        return f"{answer.media_type} {_code(answer)}"
    told = json.loads(answer.body)
    field = re.split(r"[.\[]", str(told.get("field")))[0]
    return f"{told.get('code')} {field if field in FIELDS else ''} {' '.join(told['detail'].split()[:3])}"


def _code(answer: Answer) -> str:
    """The code of a refusal that is no problem document: of The Handover's calls, of the inbox's scripts."""
    if answer.status < 400 or answer.media_type != "application/json":
        return ""
    told = json.loads(answer.body)
    return str(told.get("code", "")) if isinstance(told, dict) else ""
