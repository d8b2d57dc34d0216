"""Who may answer a request: the rule's approvers, held against what a surface has proved about a person.

Nobody is admitted on a look-up that failed, and nobody decides what acts for them. Accounts that nothing joins to the
principal's are refused too, because the same human may own both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from sayso_bot.domain.card import who_may
from sayso_bot.domain.person import OPERATOR, Person
from sayso_bot.domain.request import Outline, Requirement, Vote
from sayso_bot.errors import CannotCheck, NotAnApprover, OwnRequest
from sayso_bot.ports import ChatAdapter, LookupFailed

People: TypeAlias = Mapping[str, frozenset[str]]
NOT_COUNTED = "Your vote was not counted; nothing changed."
AGAIN_SECONDS = 5


class _NotSetUp(LookupFailed):
    """A platform that cannot be asked until somebody sets it up."""

    def __init__(self, platform: str) -> None:
        super().__init__(f"{platform}_not_configured", lasting=True)
        self.platform = platform


class Admission:
    """``adapters`` by platform: they know the groups, members and accounts of their platform."""

    def __init__(self, adapters: Mapping[str, ChatAdapter]) -> None:
        self._adapters = adapters

    async def evidence(
        self,
        request: Outline,
        person: Person,
        people: People,
        *,
        surface: str,
        fresh: bool = False,
    ) -> str:
        """What admits ``person``, for the record; ``people`` joins accounts by hand.

        With ``fresh``, groups and members are as their platform has them now, not as they were a moment ago.

        Raises `NotAnApprover`, `OwnRequest` or `CannotCheck`, with ``retry_after`` where that may pass.
        """
        _check_not_own(request.principal, person, people)
        try:
            found = (
                await self._find(requirement, person, surface, fresh) if (requirement := _asked_of(request)) else None
            )
        except LookupFailed as failure:
            again = None if failure.lasting else AGAIN_SECONDS
            raise CannotCheck(_why_unknown(failure), then=NOT_COUNTED, retry_after=again) from None
        if found is None:
            raise NotAnApprover(_why_not(request, person), then=NOT_COUNTED)
        return found

    async def one_of(self, named: Sequence[str], person: Person, *, fresh: bool) -> str | None:
        """Which of ``named``, in the policy's form, ``person`` is. Raises `CannotCheck`."""
        try:
            return await self._first_of(named, person, fresh)
        except LookupFailed as failure:
            raise CannotCheck(
                f"It could not be checked whether you are an admin. Nothing was changed. {_when(failure)}"
            ) from None

    async def could_admit(self, requirement: Requirement, principal: str | None, email: str, people: People) -> bool:
        """Whether whoever proves this address may decide under ``requirement``: in the inbox, or at the rule's place.

        Raises `CannotCheck`.
        """
        person = Person.known_as(email, {f"email:{email}"}).joined(people)
        try:
            _check_not_own(principal, person, people)
            return await self._find(requirement, person, "inbox", fresh=False) is not None
        except OwnRequest:
            return False
        except LookupFailed:
            raise CannotCheck("It could not be checked whether the named approver may decide.") from None

    async def no_longer_admitted(self, request: Outline, people: People) -> list[str]:
        """Persons of earlier approvals who would not be admitted now (they left the group). Raises `CannotCheck`."""
        void = []
        for vote in request.votes:
            if vote.outcome == "approve" and vote.revision == request.revision:
                person = Person(vote.person, vote.name, vote.aliases)
                try:
                    if await self._is_gone(vote):
                        void.append(vote.person)
                        continue
                    await self.evidence(request, person, people, surface=vote.surface, fresh=True)
                except (NotAnApprover, OwnRequest):
                    void.append(vote.person)
        return void

    async def _is_gone(self, vote: Vote) -> bool:
        """Whether the account that gave this vote may decide nothing any more. Raises `CannotCheck`."""
        accounts = [alias for alias in vote.aliases if alias.startswith(f"{vote.surface}:")]
        if not accounts:
            return False
        adapter = self._adapters.get(vote.surface)
        if adapter is None:
            raise CannotCheck(
                "It could not be checked whether earlier approvals still count: one was given in"
                f" {vote.surface}, which is not set up here.",
                then=NOT_COUNTED,
            )
        try:
            return not any([alias in await adapter.resolve(alias, fresh=True) for alias in accounts])
        except LookupFailed as failure:
            raise CannotCheck(
                f"It could not be checked whether earlier approvals still count. {_when(failure)}", then=NOT_COUNTED
            ) from None

    async def _find(self, requirement: Requirement, person: Person, surface: str, fresh: bool) -> str | None:
        """What admits ``person``. A tap at a place proves no membership: some may look before they join."""
        if requirement.operator and OPERATOR in person.aliases:
            return OPERATOR
        if requirement.approvers is not None:
            return await self._first_of(requirement.approvers, person, fresh)
        if requirement.place == "inbox":
            signed_in = any(alias.startswith("email:") for alias in person.aliases)
            return "signed in to the inbox" if surface == "inbox" and signed_in else None
        return f"in {requirement.place}" if await self._is(requirement.place, person, fresh) else None

    async def _first_of(self, approvers: Sequence[str], person: Person, fresh: bool) -> str | None:
        """The approver who ``person`` is. One that cannot be looked up matters only where no other admits them."""
        named = next((approver for approver in approvers if person.is_any(approver)), None)
        if named is not None:
            return named
        failure: LookupFailed | None = None
        for approver in approvers:
            try:
                if await self._is(approver, person, fresh):
                    return approver
            except LookupFailed as error:
                if failure is None or failure.lasting:  # what may pass is told before what does not
                    failure = error
        if failure is not None:
            raise failure
        return None

    async def _is(self, approver: str, person: Person, fresh: bool) -> bool:
        """Whether ``person`` is ``approver``, or one of the people that it stands for on its platform.

        A platform that is not configured here cannot be asked, so its people are not known not to be approvers.
        """
        if person.is_any(approver):
            return True
        platform, _, rest = approver.partition(":")
        if not rest or platform == "email":
            return False
        adapter = self._adapters.get(platform)
        if adapter is None:
            raise _NotSetUp(platform)
        if not any(alias.startswith(f"{platform}:") for alias in person.aliases):
            person = await adapter.recognise(person)
            if not any(alias.startswith(f"{platform}:") for alias in person.aliases):
                return False
        return bool(person.aliases & await adapter.resolve(approver, fresh=fresh))


def _asked_of(request: Outline) -> Requirement | None:
    """What the rule demands, at the place whose people are asked now: where it was moved to the rule's own fallback."""
    if request.requirement is None or not request.at_fallback:
        return request.requirement
    return replace(request.requirement, place=request.place)


def _check_not_own(acts_for: str | None, person: Person, people: People) -> None:
    """Raise `OwnRequest` for the principal, and for whoever cannot be told apart from them.

    Told apart is who came with a confirmed address of their own, or where ``people`` names both in different entries.
    """
    if acts_for is None:
        return
    principal = Person.known_as(acts_for, {f"email:{acts_for}"}).joined(people)
    if person.aliases & principal.aliases:
        raise OwnRequest("This request acts for you, so somebody else must decide it.", then=NOT_COUNTED)
    if not (person.proved_email or (person.is_joined and principal.is_joined)):
        raise OwnRequest(
            f"This request acts for {acts_for}, and nothing shows that your account is not theirs "
            "(no confirmed e-mail address, and people: in the policy does not name you both).",
            then=NOT_COUNTED,
        )


def _why_unknown(failure: LookupFailed) -> str:
    """For the person alone: whether to try again, or what has to be set up first."""
    unknown = "It could not be checked whether you may decide this"
    if isinstance(failure, _NotSetUp):
        return f"{unknown}: the rule names people of {failure.platform}, which is not set up here."
    return f"{unknown}. {_when(failure)}"


def _when(failure: LookupFailed) -> str:
    """What to do about a check that could not be made."""
    return "An admin must mend that first; sayso doctor says more." if failure.lasting else "Try again shortly."


def _why_not(request: Outline, person: Person) -> str:
    """For the person alone: who may, and for the local operator the line that would admit them."""
    if OPERATOR in person.aliases and request.requirement:
        return (
            f"The rule “{request.rule}” does not admit the local operator. To change that for later requests, the "
            f"policy needs {_admitting_operator(request.requirement)}."
        )
    return f"Only {who_may(request)} may decide this (rule “{request.rule}”)."


def _admitting_operator(requirement: Requirement) -> str:
    """The line, and where it belongs. Where everybody in a channel may answer, naming one means naming all."""
    admitted = ", ".join(("operator", *(requirement.approvers or ("…",))))
    if requirement.group:
        return f"“{requirement.group}: [{admitted}]” under approvers"
    return f"“approvers: [{admitted}]” in that rule"
