"""The admin's calls about the policy: translate, call, answer. Admins' keys only.

What is in force has an ``ETag``. Whoever changes it says in ``If-Match`` which state they have seen, so that two admins
do not overwrite one another.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from aiohttp import web

from sayso_bot.domain.admin import Caller
from sayso_bot.domain.versions import Activated, Comparison, Found, Origin, VersionPage
from sayso_bot.errors import ChangedMeanwhile, InvalidField, NotFound
from sayso_bot.http.admins_only import AdminsOnly
from sayso_bot.http.answer import answer_json
from sayso_bot.http.intake import only, read_json
from sayso_bot.http.policy_schemas import (
    MAX_BODY_BYTES,
    ActivateBody,
    CheckBody,
    ExplainBody,
    RollbackBody,
    comparison_out,
    explanation_out,
    version_out,
)
from sayso_bot.http.preconditions import if_match
from sayso_bot.http.routes import limit_of
from sayso_bot.http.schemas import read
from sayso_bot.in_force import in_force
from sayso_bot.ports import Configuration, Epochs, OfficeFace

BUILT_IN = "built-in"
_NOTHING = "Nothing was changed."
_NUMBER = re.compile(r"[1-9][0-9]{0,8}\Z")
_REFERENCE = re.compile(r"(active|[1-9][0-9]{0,8}|(sha256:)?[0-9a-f]{6,64})\Z")
Put: TypeAlias = Callable[[Origin, Epochs], Awaitable[Activated]]


class Warned(Protocol):
    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...

    @property
    def sentence(self) -> str: ...


class Document(Protocol):
    @property
    def digest(self) -> str: ...

    @property
    def warnings(self) -> tuple[Warned, ...]: ...


Seen: TypeAlias = Callable[[str | None], None]


class Policies(Protocol):
    """`sayso_bot.policy.versions.PolicyVersions`."""

    async def versions(self, *, before: int | None = None, limit: int = 20) -> VersionPage: ...

    async def active(self) -> Found: ...

    async def find(self, reference: str) -> Found: ...

    async def compare(self, before: Found, after: Found) -> Comparison | None: ...

    async def lines(self, before: Found, after: Found) -> list[str]: ...

    async def check(self, text: str, source: str) -> tuple[Document, Comparison | None]: ...

    async def activate(
        self, text: str, source: str, origin: Origin, *, seen: Seen, epochs: Epochs | None
    ) -> Activated: ...

    async def roll_back(self, number: int, origin: Origin, *, seen: Seen, epochs: Epochs | None) -> Activated: ...


class PolicyRoutes:
    def __init__(
        self, policies: Policies, office: OfficeFace, configuration: Configuration, admins_only: AdminsOnly
    ) -> None:
        self._policies = policies
        self._office = office
        self._configuration = configuration
        self._admins_only = admins_only

    def add_to(self, router: web.UrlDispatcher) -> None:
        for method, path, handler in (
            ("GET", "", self.policy),
            ("PUT", "", self.activate),
            ("POST", "/check", self.check),
            ("POST", "/explain", self.explain),
            ("POST", "/rollback", self.roll_back),
            ("GET", "/diff", self.diff),
            ("GET", "/versions", self.versions),
            ("GET", "/versions/{number}", self.version),
        ):
            router.add_route(method, f"/v1/admin/policy{path}", self._admins_only(handler))

    # ------------------------------------------------------------------ looking

    async def policy(self, _: Caller, http_request: web.Request) -> web.Response:
        only(http_request.query, ())
        found = await self._policies.active()
        about = found.version and version_out(found.version)
        body = {"version": about, "digest": found.digest, "document": found.text}
        return answer_json(body, headers={"ETag": _etag(found.digest)})

    async def versions(self, _: Caller, http_request: web.Request) -> web.Response:
        query = http_request.query
        only(query, ("cursor", "limit"))
        cursor, limit = query.get("cursor"), limit_of(query.get("limit"))
        if cursor is not None and not _NUMBER.match(cursor):
            raise InvalidField("cursor must be the next_cursor of an earlier page.", field="cursor")
        page = await self._policies.versions(before=int(cursor) if cursor else None, limit=limit)
        following = str(page.items[-1].number) if page.more else None
        items = [version_out(version) for version in page.items]
        return answer_json({"active": page.active, "items": items, "next_cursor": following})

    async def version(self, _: Caller, http_request: web.Request) -> web.Response:
        only(http_request.query, ())
        number = http_request.match_info["number"]
        if not _NUMBER.match(number):
            raise NotFound("There is no version of the policy with this number.")
        found = await self._policies.find(number)
        if found.version is None or found.text is None:
            raise NotFound(f"The document of version {number} is not kept.")
        return answer_json({"version": version_out(found.version), "document": found.text})

    async def diff(self, _: Caller, http_request: web.Request) -> web.Response:
        query = http_request.query
        only(query, ("from", "to"))
        before, after = [await self._policies.find(_reference(query.get(name), name)) for name in ("from", "to")]
        comparison = await self._policies.compare(before, after)
        lines = await self._policies.lines(before, after)
        return answer_json({"comparison": comparison_out(comparison), "text": lines})

    async def check(self, _: Caller, http_request: web.Request) -> web.Response:
        only(http_request.query, ())
        body = read(CheckBody, await read_json(http_request, _NOTHING, MAX_BODY_BYTES), _NOTHING)
        document, comparison = await self._policies.check(body.document, "document")
        warnings = [{"line": each.line, "column": each.column, "sentence": each.sentence} for each in document.warnings]
        told = {"digest": document.digest, "warnings": warnings, "comparison": comparison_out(comparison)}
        return answer_json(told)

    async def explain(self, _: Caller, http_request: web.Request) -> web.Response:
        only(http_request.query, ())
        asked = read(ExplainBody, await read_json(http_request), _NOTHING).asked()
        await self._configuration.refresh()
        return answer_json(explanation_out(self._configuration.explained(asked)))

    # ------------------------------------------------------------------ changing

    async def activate(self, caller: Caller, http_request: web.Request) -> web.Response:
        seen = self._begun(http_request)
        body = read(ActivateBody, await read_json(http_request, _NOTHING, MAX_BODY_BYTES), _NOTHING)

        async def put(origin: Origin, epochs: Epochs) -> Activated:
            return await self._policies.activate(body.document, "document", origin, seen=seen, epochs=epochs)

        return await self._changed(caller, body.comment, put)

    async def roll_back(self, caller: Caller, http_request: web.Request) -> web.Response:
        seen = self._begun(http_request)
        body = read(RollbackBody, await read_json(http_request), _NOTHING)

        async def put(origin: Origin, epochs: Epochs) -> Activated:
            return await self._policies.roll_back(body.version, origin, seen=seen, epochs=epochs)

        return await self._changed(caller, body.comment, put)

    async def _changed(self, caller: Caller, comment: str, put: Put) -> web.Response:
        """Do it under the keys by which the caller was proved: one that is revoked meanwhile changes nothing."""

        async def attempt() -> Activated:
            epochs = self._configuration.epochs.of_keys
            admin = await self._office.prove(caller)
            origin = Origin(f"{admin.name} ({admin.id})", "api", caller.place, comment.strip())
            return await put(origin, epochs)

        done = await in_force(self._configuration, attempt, whatever_policy=True)
        told = {
            "version": done.number,
            "digest": done.digest,
            "replaced": done.replaced,
            "changed": done.changed,
            "comparison": comparison_out(done.comparison),
        }
        return answer_json(told, headers={"ETag": _etag(done.digest)})

    def _begun(self, http_request: web.Request) -> Seen:
        """What checks that the caller has seen what they change. Raises as `if_match` does."""
        only(http_request.query, ())
        wanted = if_match(http_request)

        def seen(active: str | None) -> None:
            if wanted is not None and (active or BUILT_IN) not in wanted:
                raise ChangedMeanwhile(
                    f"The policy in force is {active or 'the built-in default'}, which is not what If-Match names. "
                    f"{_NOTHING} Read it again.",
                    field="If-Match",
                )

        return seen


def _etag(digest: str | None) -> str:
    return f'"{digest or BUILT_IN}"'


def _reference(text: str | None, name: str) -> str:
    if text is None:
        return "active"
    if not _REFERENCE.match(text):
        raise InvalidField(f"{name} is active, a version's number, or the beginning of a digest.", field=name)
    return text
