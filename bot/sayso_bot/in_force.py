"""A step that is checked under one configuration, and carried out under that one or checked again.

What is carried out reaches the store, which compares the epochs. A refusal may reach nothing, so they are compared here
before it is final: a replica that has heard late of another policy refuses nobody by the one before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sayso_bot.errors import Invalid, NotAllowed, Unavailable
from sayso_bot.ports import Again, Configuration

TRIES = 5
T = TypeVar("T")


async def in_force(
    configuration: Configuration, attempt: Callable[[], Awaitable[T]], *, whatever_policy: bool = False
) -> T:
    """Run ``attempt`` under the configuration in force, reading that again when it has moved. Raises `Unavailable`.

    ``whatever_policy``: it goes by no policy, so it does not wait for one that is long.
    """
    again = configuration.look if whatever_policy else configuration.refresh
    for _ in range(TRIES):
        epochs = configuration.epochs
        try:
            return await attempt()
        except Again:
            await again()
        except (NotAllowed, Invalid):
            if await configuration.stands(epochs.of_keys if whatever_policy else epochs):
                raise
            await again()
    raise Unavailable("The configuration changes too quickly. Nothing was changed; try again.", retry_after=1)
