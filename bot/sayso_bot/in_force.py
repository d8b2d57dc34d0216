"""A step that is checked under one configuration, and carried out under that one or checked again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sayso_bot.errors import Unavailable
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
        try:
            return await attempt()
        except Again:
            await again()
    raise Unavailable("The configuration changes too quickly. Nothing was changed; try again.", retry_after=1)
