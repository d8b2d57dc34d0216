"""What a list says of requests that ended: only of those that it has shown."""

from __future__ import annotations

from e2e.office import asked, later, office, recorded, workspace
from e2e.test_listing import DIGEST, nothing_is_due, words
from service import until


async def test_what_ended_before_any_list_named_it_was_never_posted() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        slack.limit_rate("chat.postMessage", after=2)
        waits, ended = [await asked(agent) for _ in range(2)]
        await agent.post(f"/v1/requests/{ended}/cancel")
        await later(sayso, 3)
        message = await slack.posted()
        await recorded(sayso, waits)
        await until(lambda: nothing_is_due(sayso))
        assert "1 request waits" in words(message)
        posted = [entry["request"] for entry in await sayso.journal("posted")]
        assert posted == [waits]
