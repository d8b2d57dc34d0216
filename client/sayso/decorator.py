"""`requires_approval`: a function that runs only after a person approved its arguments.

This runs inside the agent's own process. It keeps honest code honest; code that can import the function can also go
around the decorator. Where that matters, let whoever holds the credentials check the approval.
"""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, ParamSpec, TypeVar, Unpack, cast

from sayso.asking import Asking
from sayso.client import AsyncSayso, Sayso
from sayso.errors import Mismatch, Unusable
from sayso.request import Approval
from sayso.strict_json import same

P = ParamSpec("P")
R = TypeVar("R")

_RECEIVERS = ("self", "cls")


def requires_approval(
    action: str,
    params: Callable[..., Mapping[str, object]] | None = None,
    *,
    client: Sayso | AsyncSayso | None = None,
    shared: Collection[str] = (),
    **options: Unpack[Asking],
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Ask for ``action`` before each call, and call only when it was approved; else raise what ``ask`` raises.

    The arguments are bound and copied first: what people see and what runs are that copy. The params are the arguments
    by name, or what ``params`` makes of them. Arguments named in ``shared`` (a connection; ``self`` always) are handed
    on as they are and are not part of the params. Without ``client`` one is made from the environment for each call.
    With ``edits`` the function is called with what was approved, where an approver has changed an argument; that needs
    the arguments themselves as params.
    """
    if options.get("idempotency_key") is not None:
        raise Unusable("An idempotency key names one question, and a decorated function asks anew with each call.")

    if options.get("edits") and params is not None:
        raise Unusable("Edits need the arguments themselves as params: with params= nobody knows what to call.")

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        arguments = _Arguments(function, params, shared)
        if inspect.isasyncgenfunction(function):
            raise TypeError("requires_approval does not take async generators. Put it on a function that one calls.")
        if inspect.iscoroutinefunction(function):
            if client is not None and not isinstance(client, AsyncSayso):
                raise TypeError("An async function needs an AsyncSayso as its client.")
            return cast("Callable[P, R]", _async(function, action, arguments, client, options))
        if client is not None and not isinstance(client, Sayso):
            raise TypeError("An ordinary function needs a Sayso as its client.")
        return _sync(function, action, arguments, client, options)

    return decorate


def _sync(
    function: Callable[P, R], action: str, arguments: _Arguments, client: Sayso | None, options: Asking
) -> Callable[P, R]:
    @functools.wraps(function)
    def asks_first(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = arguments.snapshot(args, kwargs)
        params = arguments.params(bound)
        if client is not None:
            approved = client.ask(action, params, **options)
        else:
            with Sayso() as own:
                approved = own.ask(action, params, **options)
        _edit(bound, approved)
        return function(*bound.args, **bound.kwargs)

    return asks_first


def _async(
    function: Callable[P, Awaitable[R]], action: str, arguments: _Arguments, client: AsyncSayso | None, options: Asking
) -> Callable[P, Awaitable[R]]:
    @functools.wraps(function)
    async def asks_first(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = arguments.snapshot(args, kwargs)
        params = arguments.params(bound)
        if client is not None:
            approved = await client.ask(action, params, **options)
        else:
            async with AsyncSayso() as own:
                approved = await own.ask(action, params, **options)
        _edit(bound, approved)
        return await function(*bound.args, **bound.kwargs)

    return asks_first


class _Arguments:
    """How the arguments of one function are bound, copied and told."""

    def __init__(
        self,
        function: Callable[..., Any],
        make: Callable[..., Mapping[str, object]] | None,
        shared: Collection[str],
    ) -> None:
        self._signature = inspect.signature(function)
        names = list(self._signature.parameters)
        if unknown := set(shared) - set(names):
            raise TypeError(f"{function.__name__} has no argument {', '.join(sorted(unknown))} to share.")
        self._make = make
        self._shared = {*shared, *(name for name in names[:1] if name in _RECEIVERS)}

    def snapshot(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> inspect.BoundArguments:
        """The arguments with their defaults, copied. Raises TypeError where they do not fit, or cannot be copied."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            if name not in self._shared:
                bound.arguments[name] = _copied(name, value)
        return bound

    def params(self, bound: inspect.BoundArguments) -> Mapping[str, object]:
        """The params that people see. ``make`` works on a copy of its own, so it cannot change what runs."""
        if self._make is not None:
            own = self.snapshot(bound.args, bound.kwargs)
            return self._make(*own.args, **own.kwargs)
        return {name: value for name, value in bound.arguments.items() if name not in self._shared}


def _edit(bound: inspect.BoundArguments, approved: Approval) -> None:
    """Put what an approver has changed in the place of what was asked.

    Raises `Mismatch` where an argument is new or gone.
    """
    asked = approved.original_params
    if asked is None:
        return
    if approved.params.keys() != asked.keys():
        raise Mismatch("An approver added or removed an argument, so the function cannot be called as was approved.")
    for name, value in approved.params.items():
        if not same(value, asked[name]):
            bound.arguments[name] = value


def _copied(name: str, value: object) -> object:
    try:
        return copy.deepcopy(value)
    except (TypeError, copy.Error, pickle.PicklingError):
        raise TypeError(
            f"The argument {name} ({type(value).__name__}) cannot be copied, so it cannot be bound to the approval. "
            f"Name it in shared=[{name!r}] if it is no part of what people approve."
        ) from None
