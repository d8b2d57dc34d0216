"""Every way in which Sayso says no, with one stable code each.

    SaysoError
    ├── Invalid              what was asked is not well formed
    │   ├── BadHttp                  bad_http                  400
    │   ├── BadJson                  bad_json                  400
    │   ├── BodyTooLarge             body_too_large            413
    │   ├── UnsupportedMediaType     unsupported_media_type    415
    │   ├── WrongHost                wrong_host                421
    │   ├── FileTooLarge             file_too_large            413
    │   ├── FileRefused              file_refused              422
    │   ├── InvalidField             invalid_field             422
    │   ├── PolicyRefused            policy_invalid            422
    │   └── IdempotencyMismatch      idempotency_mismatch      422
    ├── NotAllowed           who asks may not
    │   ├── Unauthenticated          unauthenticated           401
    │   ├── Forbidden                forbidden                 403
    │   ├── NotAnAdmin               not_an_admin              403
    │   └── VoteRefused              the vote or edit counted for nothing
    │       ├── NotAnApprover        not_an_approver           403
    │       ├── OwnRequest           own_request               403
    │       ├── CannotCheck          cannot_check              503
    │       ├── ReasonRequired       reason_required           422
    │       ├── ConfirmationRequired confirmation_required     422
    │       ├── ResponseInvalid      response_invalid          422
    │       ├── AlreadyVoted         already_voted             409
    │       ├── StaleRevision        stale_revision            409
    │       ├── AlreadySettled       already_settled           409
    │       ├── EditRefused          edit_refused              422
    │       └── ApprovalsPaused      approvals_paused          423
    ├── AdminRefused         an admin's deed changed nothing
    │   ├── NoEffect                 no_effect                 409
    │   ├── Taken                    taken                     409
    │   ├── InUse                    in_use                    409
    │   ├── Full                     full                      409
    │   ├── Unconfirmed              unconfirmed               409
    │   ├── ChangedMeanwhile         changed_meanwhile         412
    │   ├── PlaceUnusable            place_unusable            422
    │   └── PreconditionRequired     precondition_required     428
    ├── NotFound                     not_found                 404
    ├── MethodNotAllowed             method_not_allowed        405
    ├── Settled                      settled                   409
    ├── TooManyFiles                 too_many_files            409
    ├── Paused                       paused                    423
    ├── TooMany              come back later
    │   ├── RateLimited              rate_limited              429
    │   └── QuotaExceeded            quota_exceeded            429
    ├── Unavailable                  unavailable               503
    ├── Internal                     internal                  500
    └── Unusable             the service cannot start as configured (exit 2)
        └── Unreadable           a file of it cannot be read now

``detail`` is a whole sentence for the person or the agent who reads it: what happened, whether anything
changed, what to do. Nothing else of an exception ever leaves the service, and nobody parses the sentence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar


class SaysoError(Exception):
    """Base of all errors that callers are meant to see.

    ``field`` is the JSON path of what is wrong (``params.amount``); ``retry_after`` is in seconds.
    """

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong inside Sayso"
    status: ClassVar[int] = 500

    def __init__(self, detail: str, *, field: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.retry_after = retry_after

    @property
    def retry_after_header(self) -> str | None:
        """The value of ``Retry-After`` (RFC 9110): whole seconds, never less than there are, or None for no header."""
        return None if self.retry_after is None else str(max(1, math.ceil(self.retry_after)))


class Invalid(SaysoError):
    """What was asked is not well formed."""


class BadHttp(Invalid):
    code, title, status = "bad_http", "The call is not well-formed HTTP", 400


class BadJson(Invalid):
    code, title, status = "bad_json", "The body is not JSON", 400


class BodyTooLarge(Invalid):
    code, title, status = "body_too_large", "The body is too large", 413


class UnsupportedMediaType(Invalid):
    code, title, status = "unsupported_media_type", "The body has the wrong content type", 415


class WrongHost(Invalid):
    code, title, status = "wrong_host", "This service does not answer to that host name", 421


class FileTooLarge(Invalid):
    code, title, status = "file_too_large", "The file is too large", 413


class FileRefused(Invalid):
    code, title, status = "file_refused", "The file cannot be taken", 422


class InvalidField(Invalid):
    code, title, status = "invalid_field", "A value is not acceptable", 422


class PolicyRefused(Invalid):
    """``problems`` say what is wrong with the document: ``line``, ``column``, ``sentence`` of each."""

    code, title, status = "policy_invalid", "The document is no policy", 422

    def __init__(self, detail: str, problems: Sequence[Mapping[str, int | str]]) -> None:
        super().__init__(detail, field="document")
        self.problems = problems


class IdempotencyMismatch(Invalid):
    code, title, status = "idempotency_mismatch", "This idempotency key belongs to another request", 422


class NotAllowed(SaysoError):
    """Who asks may not."""


class Unauthenticated(NotAllowed):
    code, title, status = "unauthenticated", "A valid key is needed", 401


class Forbidden(NotAllowed):
    code, title, status = "forbidden", "This key may not do that", 403


class NotAnAdmin(NotAllowed):
    code, title, status = "not_an_admin", "You are not an admin", 403


class VoteRefused(NotAllowed):
    """The vote or edit counted for nothing, and nothing changed. ``detail`` is told to that person alone.

    ``why`` is the detail without ``then``, which says what became of the vote: for who looks and has not voted.
    """

    def __init__(self, why: str, *, then: str = "", field: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(f"{why} {then}".rstrip(), field=field, retry_after=retry_after)
        self.why = why


class NotAnApprover(VoteRefused):
    code, title, status = "not_an_approver", "You are not an approver of this request", 403


class OwnRequest(VoteRefused):
    code, title, status = "own_request", "This request acts for you", 403


class CannotCheck(VoteRefused):
    code, title, status = "cannot_check", "It could not be checked whether you may decide this", 503


class ReasonRequired(VoteRefused):
    code, title, status = "reason_required", "This decision needs a reason", 422


class ConfirmationRequired(VoteRefused):
    code, title, status = "confirmation_required", "This approval must be confirmed by typing", 422


class ResponseInvalid(VoteRefused):
    """``fields`` has a sentence for each field of the form that is not filled in as it must be."""

    code, title, status = "response_invalid", "The form is not filled in as it must be", 422

    def __init__(self, why: str, *, then: str = "", fields: Mapping[str, str]) -> None:
        super().__init__(why, then=then, field="response")
        self.fields = fields


class AlreadyVoted(VoteRefused):
    code, title, status = "already_voted", "You have already answered this request", 409


class StaleRevision(VoteRefused):
    code, title, status = "stale_revision", "The request has changed since you saw it", 409


class AlreadySettled(VoteRefused):
    code, title, status = "already_settled", "This request is already settled", 409


class EditRefused(VoteRefused):
    code, title, status = "edit_refused", "The params cannot be changed so", 422


class ApprovalsPaused(VoteRefused):
    code, title, status = "approvals_paused", "Sayso is paused, so nothing can be approved", 423


class AdminRefused(SaysoError):
    """An admin's deed changed nothing."""


class NoEffect(AdminRefused):
    code, title, status = "no_effect", "This would change nothing", 409


class Taken(AdminRefused):
    code, title, status = "taken", "This is taken already", 409


class InUse(AdminRefused):
    code, title, status = "in_use", "Something depends on it", 409


class Full(AdminRefused):
    code, title, status = "full", "There are as many as there may be", 409


class Unconfirmed(AdminRefused):
    """``questions`` are what must be confirmed, ``how`` says how that is done."""

    code, title, status = "unconfirmed", "This must be confirmed", 409

    def __init__(self, questions: Sequence[str], how: str = "confirm it if you mean it") -> None:
        super().__init__(f"{' '.join(questions)} Nothing was changed; {how}.", field="confirm")
        self.questions = tuple(questions)


class ChangedMeanwhile(AdminRefused):
    code, title, status = "changed_meanwhile", "It has changed since you looked", 412


class PlaceUnusable(AdminRefused):
    code, title, status = "place_unusable", "Sayso cannot post there", 422


class PreconditionRequired(AdminRefused):
    code, title, status = "precondition_required", "The version that you have seen is needed", 428


class NotFound(SaysoError):
    code, title, status = "not_found", "There is no such thing here", 404


class MethodNotAllowed(SaysoError):
    code, title, status = "method_not_allowed", "This method is not offered here", 405


class Settled(SaysoError):
    code, title, status = "settled", "The request is already settled", 409


class TooManyFiles(SaysoError):
    code, title, status = "too_many_files", "There are as many files as there may be", 409


class Paused(SaysoError):
    code, title, status = "paused", "Sayso is paused", 423


class TooMany(SaysoError):
    """Come back later; ``retry_after`` says when."""


class RateLimited(TooMany):
    code, title, status = "rate_limited", "Too many calls", 429


class QuotaExceeded(TooMany):
    code, title, status = "quota_exceeded", "A quota of this key is used up", 429


class Unavailable(SaysoError):
    code, title, status = "unavailable", "Sayso cannot answer right now", 503

    def __init__(self, detail: str, *, field: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(detail, field=field, retry_after=retry_after or 1.0)


class Internal(SaysoError):
    pass


class Unusable(SaysoError):
    """The service or command cannot run as configured. ``detail`` says what to do; the exit code is 2."""

    code, title, status = "unusable", "The configuration cannot be used", 500


class Unreadable(Unusable):
    """A file cannot be read, but may be a moment later as it is."""
