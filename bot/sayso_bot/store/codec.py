"""Records as they lie in Redis, to and from the domain.

A record carries its schema version, so that a replica never guesses at what a newer one has written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
import orjson

from sayso_bot.domain.brief import Brief, Gist, brief, gist
from sayso_bot.domain.card import Fact
from sayso_bot.domain.files import File
from sayso_bot.domain.form import Field, Form
from sayso_bot.domain.json import dumps
from sayso_bot.domain.key import Key, Quotas
from sayso_bot.domain.request import (
    Cause,
    Claims,
    Decision,
    Edited,
    Request,
    Requirement,
    Status,
    Vote,
    from_milliseconds,
    rfc3339,
)
from sayso_bot.domain.versions import Origin, Version
from sayso_bot.errors import Unavailable
from sayso_bot.ports import Due, NewRequest, NewRevision
from sayso_bot.store.live import moved_of

BRIEF_FROM_BYTES = 4096
"""A body larger than this has its brief kept beside it, so that a list need not read it."""
SCHEMA_VERSION = "1"
"""Of keys, and of requests that a replica of the version before this one can read."""
RECORD_VERSIONS = frozenset({"1", "2", "3", "4", "5"})
"""2: with a form, or with demands of which version 1 knows nothing. 3: with files, a form that asks for them, or claims
of which version 2 knows nothing. 4: asked elsewhere than its rule says. 5: of high risk."""
WITH_FILES = "3"
MOVED = "4"
OF_HIGH_RISK = "5"
_ADDED = {
    field.name: field.default
    for field in msgspec.structs.fields(Requirement)
    if field.default is not msgspec.NODEFAULT and field.name != "operator"
}
_SINCE_3 = ("most_files", "accept")
_STATUS = {status.value: status for status in Status}  # an Enum that is called looks for its member in Python
_CAUSE = {cause.value: cause for cause in Cause}
_T = TypeVar("_T")


def fields_of(flat: list[str]) -> dict[str, str]:
    """A hash as Redis answers it: field, value, field, value …"""
    found = iter(flat)
    return dict(zip(found, found, strict=True))


def due_of(answer: Any) -> Due:
    """What `due_requests` and its kin answer."""
    _, now, items, next_at = answer
    return Due(tuple(str(item) for item in items), (int(next_at) - int(now)) / 1000 if next_at else None)


def body_of(new: NewRequest) -> bytes:
    """What never changes about a request, as one JSON text."""
    requirement, form = new.verdict.requirement, new.draft.form
    return dumps(
        {
            **({} if form is None else {"form": form_json(form)}),
            "params": new.draft.params,
            "fingerprint": new.fingerprint,
            "key": new.key.id,
            "principal": new.key.principal,
            "rule": new.verdict.rule,
            "policy": new.policy_digest,
            "requirement": requirement and requirement_json(requirement),
            "claims": new.draft.claims.said(),
        }
    )


def edit_of(new: NewRevision) -> bytes:
    """What an edit puts in the place of the body's params and fingerprint, as one JSON text."""
    return dumps({"params": new.params, "fingerprint": new.fingerprint})


def brief_of(new: NewRequest | NewRevision) -> bytes:
    """What a list shows of it beside its record's small fields, as one JSON text."""
    if isinstance(new, NewRequest):
        found, principal, rule = gist(new.draft.params, new.draft.claims), new.key.principal, new.verdict.rule
        requirement = new.verdict.requirement
    else:
        found, principal, rule = gist(new.params, new.request.claims), new.request.principal, new.request.rule
        requirement = new.request.requirement
    return dumps(
        {
            "principal": principal,
            "rule": rule,
            "requirement": requirement and requirement_json(requirement),
            "facts": [[fact.label, fact.value] for fact in found.facts],
            "more": found.more,
            "says": found.says,
            **({} if found.urgency is None else {"urgency": found.urgency}),
        }
    )


def request_of(record: Mapping[str, str]) -> Request:
    """A request from its record. Raises `Unavailable` for a schema that this version does not know."""
    check_version(record["v"])
    body = orjson.loads(record["body"])
    edit = orjson.loads(record["edit"]) if "edit" in record else None
    present = edit or body
    return Request(
        **_outline(record, body),
        params=present["params"],
        fingerprint=present["fingerprint"],
        key_id=body["key"],
        policy_digest=body["policy"],
        claims=claims_of(body["claims"]),
        original_params=body["params"] if edit else None,
        form=form_of(body["form"]) if "form" in body else None,
        files=_each(file_of, record.get("files")),
    )


def brief_from(record: Mapping[str, str]) -> Brief:
    """As `request_of`, from a record that is whole, or has its ``brief`` in the place of its body."""
    if "brief" not in record:
        return brief(request_of(record))
    check_version(record["v"])
    kept = orjson.loads(record["brief"])
    facts = tuple(Fact(label, value) for label, value in kept["facts"])
    return Brief(**_outline(record, kept), gist=Gist(facts, kept["more"], kept["says"], kept.get("urgency")))


def check_version(version: str) -> None:
    """Raises `Unavailable` for one that this version does not know."""
    if version not in RECORD_VERSIONS:
        raise Unavailable("A newer version of Sayso wrote this request. Upgrade this replica; nothing was changed.")


def _outline(record: Mapping[str, str], kept: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `sayso_bot.domain.request.Outline`; ``kept`` is the body or the brief."""
    expires_at, revision = record.get("expires_at"), int(record["revision"])
    votes = _each(vote_of, record["votes"])
    return {
        "id": record["id"],
        "revision": revision,
        "status": _STATUS[record["status"]],
        "action": record["action"],
        "agent": record["agent"],
        "principal": kept["principal"],
        "created_at": from_milliseconds(int(record["created_at"])),
        "expires_at": from_milliseconds(int(expires_at)) if expires_at else None,
        "rule": kept["rule"],
        "requirement": requirement_of(kept["requirement"]),
        "votes": votes,
        "decision": _decision_of(record.get("decision"), votes, revision),
        "place": record["place"],
        "edits": _each(_edited_of, record.get("edits")),
        "moved": moved_of(record["moved"]) if "moved" in record else None,
    }


def version_of(new: NewRequest) -> str:
    """The schema version that a replica must know to read what `body_of` writes, and where it is asked."""
    requirement, form = new.verdict.requirement, new.draft.form
    if requirement is not None and requirement.high_risk:
        return OF_HIGH_RISK
    if new.route is not None:
        return MOVED
    claims = new.draft.claims
    asks_for_files = form is not None and any(field.kind == "files" for field in form.fields)
    if asks_for_files or claims.urgency is not None or claims.approver is not None:
        return WITH_FILES
    is_plain = requirement is None or requirement_json(requirement).keys().isdisjoint(_ADDED)
    return "1" if is_plain and form is None else "2"


@lru_cache(4096)
def requirement_json(requirement: Requirement) -> Mapping[str, Any]:
    """Its fields, but for what is as plain as in version 1."""
    found = msgspec.structs.asdict(requirement)
    return {name: value for name, value in found.items() if name not in _ADDED or value != _ADDED[name]}


def requirement_of(stored: dict[str, Any] | None) -> Requirement | None:
    if stored is None:
        return None
    approvers = stored["approvers"]
    editable = tuple(stored.get("editable", ()))
    return Requirement(**{**stored, "approvers": None if approvers is None else tuple(approvers), "editable": editable})


def form_json(form: Form) -> list[dict[str, Any]]:
    """Its fields; what is of ``files`` alone is left out of all others, as version 2 has it."""
    return [
        {name: getattr(field, name) for name in Field.__slots__ if field.kind == "files" or name not in _SINCE_3}
        for field in form.fields
    ]


def form_of(stored: list[dict[str, Any]]) -> Form:
    return Form(
        tuple(
            Field(**{**field, "options": tuple(field["options"]), "accept": tuple(field.get("accept", ()))})
            for field in stored
        )
    )


def file_json(file: File) -> bytes:
    """A file as its request's record keeps it, but for ``at``, which the store adds."""
    return dumps({name: getattr(file, name) for name in File.__slots__ if name != "at"})


def file_of(stored: dict[str, Any]) -> File:
    return File(**{**stored, "at": from_milliseconds(stored["at"])})


def claims_of(stored: dict[str, Any]) -> Claims:
    return Claims(**{**stored, "links": tuple(stored.get("links", ()))})


def _each(kind: Callable[[dict[str, Any]], _T], lines: str | None) -> tuple[_T, ...]:
    """What is kept as one JSON text a line."""
    return tuple([kind(orjson.loads(line)) for line in lines.split("\n")]) if lines else ()


def vote_of(stored: dict[str, Any]) -> Vote:
    return Vote(**{**stored, "aliases": frozenset(stored["aliases"]), "at": from_milliseconds(stored["at"])})


def _edited_of(stored: dict[str, Any]) -> Edited:
    return Edited(stored["revision"] + 1, stored["name"], stored["surface"], from_milliseconds(stored["at"]))


def _decision_of(stored: str | None, votes: tuple[Vote, ...], revision: int) -> Decision | None:
    if stored is None:
        return None
    found = orjson.loads(stored)
    return Decision(
        outcome=_STATUS[found["outcome"]],
        cause=_CAUSE[found["cause"]],
        at=from_milliseconds(found["at"]),
        votes=tuple([vote for vote in votes if vote.revision == revision]),
        reason=found["reason"],
    )


def key_json(key: Key) -> bytes:
    """A key as it is stored: everything but the secret, of which only the digest is known."""
    return dumps(
        {
            "v": SCHEMA_VERSION,
            "name": key.name,
            "kinds": sorted(key.kinds),
            "actions": key.actions,
            "digest": key.digest,
            "created_at": rfc3339(key.created_at),
            "principal": key.principal,
            "revoked_at": key.revoked_at and rfc3339(key.revoked_at),
            **({} if key.lapses_at is None else {"lapses_at": rfc3339(key.lapses_at)}),
            "quotas": {name: getattr(key.quotas, name) for name in Quotas.__slots__},
        }
    )


def key_of(key_id: str, stored: str) -> Key | None:
    """A key from its record; None for a schema that this version does not know, which then admits nobody here."""
    found = orjson.loads(stored)
    if found["v"] != SCHEMA_VERSION:
        return None
    revoked_at, lapses_at = found["revoked_at"], found.get("lapses_at")
    return Key(
        id=key_id,
        name=found["name"],
        kinds=frozenset(found["kinds"]),
        actions=tuple(found["actions"]),
        digest=found["digest"],
        created_at=datetime.fromisoformat(found["created_at"]),
        quotas=Quotas(**found["quotas"]),
        principal=found["principal"],
        revoked_at=datetime.fromisoformat(revoked_at) if revoked_at else None,
        lapses_at=datetime.fromisoformat(lapses_at) if lapses_at else None,
    )


def origin_json(digest: str, replaces: str | None, origin: Origin, where: str) -> bytes:
    """What is written down of a document that is put in force; the function adds its number and the time."""
    about = {name: getattr(origin, name) for name in Origin.__slots__ if getattr(origin, name)}
    return dumps({"digest": digest, "replaces": replaces, "where": where, **about})


def version_of_policy(stored: str) -> Version:
    """A version of the policy. What it does not know of a origin it leaves out."""
    found = orjson.loads(stored)
    known = {name: found[name] for name in Origin.__slots__ if name in found}
    return Version(
        number=found["number"],
        digest=found["digest"],
        replaces=found["replaces"],
        at=from_milliseconds(found["at"]) if found["at"] is not None else None,
        origin=Origin(**known | {name: tuple(known.get(name, ())) for name in ("weakens", "dismisses")}),
    )
