"""An agent that refunds an order, but only after a person said so.

    SAYSO_KEY=sk_… python examples/agent.py A-1041 129.90

It prints each step. The exit code is 0 when the refund was approved, 3 denied, 4 expired, 5 cancelled, 1 when nobody
could be asked, and 2 when the key or the address cannot be used.
"""

from __future__ import annotations

import asyncio
import sys

from sayso import AsyncSayso, Cancelled, Denied, Expired, Progress, SaysoError, Unusable


async def agent(order: str, amount: float) -> int:
    say(f"Order {order} arrived broken. I would refund {amount:.2f}, so I ask first.")
    try:
        async with AsyncSayso() as sayso:
            approval = await sayso.ask(
                "payments.refund",
                {"order": order, "amount": amount, "currency": "EUR"},
                summary=f"Refund order {order}",
                reasoning="The customer sent a picture of the broken parcel.",
                progress=Asked(),
            )
    except Denied as no:
        say(f"{no}. I do not refund, and tell the customer.")
        return 3
    except Expired:
        say("Nobody answered in time. That is not a no, so I leave the order open for a colleague.")
        return 4
    except Cancelled:
        say("The question was withdrawn. I do nothing.")
        return 5
    except SaysoError as trouble:
        say(f"I could not ask, so I do nothing: {trouble}")
        return 2 if isinstance(trouble, Unusable) else 1
    by = ", ".join(vote.name for vote in approval.votes) or "the policy"
    say(f"Approved by {by}: {approval.action} {dict(approval.params)}")
    return refund(approval.params["order"], approval.params["amount"])


def refund(order: object, amount: object) -> int:
    """Where a real agent would call its payment provider, with what was approved and nothing else."""
    say(f"Refunded {amount} for order {order}.")
    return 0


class Asked:
    """Says once where a person can answer."""

    def __init__(self) -> None:
        self.said = False

    def __call__(self, progress: Progress) -> None:
        if progress.request is not None and not self.said:
            self.said = True
            say(f"Waiting for a person: {progress.request.review_url}")


def say(text: str) -> None:
    print(f"agent: {text}", flush=True)


if __name__ == "__main__":
    given = sys.argv[1:] or ["A-1041", "129.90"]
    sys.exit(asyncio.run(agent(given[0], float(given[1]))))
