"""What The Handover's own client does here. Run by the Python of an environment that has it, and nothing of Sayso.

    python handover_client.py URL KEY

Each step asserts what the page says, and is named when it is done. An approver at the service answers by the action's
text.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from langchain_core.tools import ToolException
from the_handover import (
    AmountRule,
    ApprovalPolicy,
    ChooseResponse,
    ConfirmResponse,
    DecisionDenied,
    DecisionStatus,
    FileUploadResponse,
    HandoverClient,
    HandoverError,
    NumberInputResponse,
    ScheduleResponse,
    TextInputResponse,
    require_approval,
)
from the_handover.integrations.langchain import HandoverApprovalTool
from the_handover.integrations.openai import handle_handover_call

VERSION = version("the-handover")
APPROVE_WORKS = VERSION == "0.3.0"
"""In 0.4.0 `approve` asks for a key of a `Decision`, which has none, after it has created the decision."""
ANA = "ana@example.com"


def made(client: HandoverClient, action: str, **options: Any) -> str:
    """The id of a new decision, which 0.3.0 gives as a dict and 0.4.0 as a Decision."""
    found: Any = client.create(action, ANA, **options)
    return str(found["id"] if isinstance(found, dict) else found.id)


def decided(client: HandoverClient, action: str, **options: Any) -> Any:
    return client.poll(made(client, action, **options), interval=0.1, max_wait=30)


def fails(kind: type[Exception], work: Callable[[], object]) -> str:
    try:
        work()
    except kind as error:
        return str(error)
    raise AssertionError(f"no {kind.__name__}")


# --------------------------------------------------------------------------- steps


def creates_gets_and_polls(client: HandoverClient) -> None:
    decision = made(client, "wait", context="Because", urgency="critical", context_images=["https://example.com/a.png"])
    pending = client.get(decision)
    assert (pending.status, pending.action, pending.context) == (DecisionStatus.PENDING, "wait", "Because")
    assert (pending.urgency, pending.context_images) == ("critical", ["https://example.com/a.png"])
    assert pending.expires_at
    approved = decided(client, "approve")
    assert (approved.approved, approved.resolved_by, approved.response_notes) == (True, ANA, "Fine")
    assert decided(client, "deny").denied
    permitted = decided(client, "approve", enforce=True)
    assert (permitted.enforce, permitted.action_permitted) == (True, True)


def is_given_what_was_filled_in(client: HandoverClient) -> None:
    choice = decided(client, "choose", response_type=ChooseResponse(["staging", "live"]))
    assert (choice.modified, choice.response_data) == (True, {"chosen": "live"})
    assert decided(client, "choose", options=["staging", "live"]).response_data == {"chosen": "live"}
    fields = [TextInputResponse.field("subject", "Subject", required=True), TextInputResponse.field("Reply To", "To")]
    texts = decided(client, "text", response_type=TextInputResponse(fields))
    assert texts.response_data == {"subject": "Hello", "Reply To": "a@x"}
    number = decided(client, "number", response_type=NumberInputResponse(min=1, max=10))
    assert number.response_data == {"value": 7.5}
    assert decided(client, "approve", response_type=ConfirmResponse()).approved
    later = decided(client, "schedule", response_type=ScheduleResponse())
    assert (later.scheduled, bool(later.execute_at)) == (True, True)
    files = decided(client, "upload", response_type=FileUploadResponse(max_files=2, accept=[".pdf"]))
    (uploaded,) = files.response_data["uploaded_files"]
    assert (uploaded["name"], uploaded["size"]) == ("cv.pdf", 8)


def attaches_files(client: HandoverClient) -> None:
    decision = made(client, "wait")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.txt"
        path.write_text("all is well")
        assert [found.name for found in client.upload_attachment(decision, path)] == ["report.txt"]
    attached = client.upload_attachment(decision, ("a.png", b"\x89PNG", "image/png"))
    assert [(found.name, found.size) for found in attached] == [("report.txt", 11), ("a.png", 4)]
    assert client.list_attachments(decision) == attached
    assert (client.get(decision).attachments or []) == attached
    program = ("a.png", b"MZ a program", "image/png")
    assert "422" in fails(HandoverError, lambda: client.upload_attachment(decision, program))


def decides_nothing_itself(client: HandoverClient) -> None:
    decision = made(client, "wait")
    told = fails(HandoverError, lambda: client.resolve(decision, "approve", resolved_by=ANA))
    assert "403" in told
    assert "A key never decides" in told
    assert client.get(decision).status == DecisionStatus.PENDING
    assert "403" in fails(HandoverError, lambda: client.create("wait", "eve@example.com"))
    hook = "https://example.com/hook"
    assert "422" in fails(HandoverError, lambda: client.create("wait", ANA, callback_url=hook))


def approves(client: HandoverClient) -> None:
    if not APPROVE_WORKS:
        assert "get" in fails(AttributeError, lambda: client.approve("approve", ANA, poll_interval=0.1))
        return
    assert client.approve("approve", ANA, poll_interval=0.1).approved
    fails(DecisionDenied, lambda: client.approve("deny", ANA, poll_interval=0.1))
    assert client.approve("allowed", ANA).resolved_by == "policy"


def its_policy_is_advice(client: HandoverClient) -> None:
    """What does not match is never asked, whatever Sayso's own policy says."""
    policy = ApprovalPolicy(["deny"], amount_rules=[AmountRule(100.0)])
    advised = HandoverClient(api_key=client.api_key, base_url=client.base_url, policy=policy)
    assert advised.approve("deny".replace("deny", "look"), ANA).id == "auto"
    if APPROVE_WORKS:
        fails(DecisionDenied, lambda: advised.approve("deny", ANA, poll_interval=0.1))


def guards_a_function(client: HandoverClient) -> None:
    ran: list[str] = []

    @require_approval(client, ANA, action="approve")  # type: ignore[untyped-decorator]
    def approved(what: str, _decision: Any = None) -> None:
        ran.append(f"{what} by {_decision.resolved_by}")

    @require_approval(client, ANA, action="deny")  # type: ignore[untyped-decorator]
    def denied() -> None:
        ran.append("denied")

    if APPROVE_WORKS:
        approved("done")
        fails(DecisionDenied, denied)
        assert ran == [f"done by {ANA}"]
    else:
        fails(AttributeError, lambda: approved("done"))
        assert ran == []


def is_a_tool_of_frameworks(client: HandoverClient) -> None:
    tool = HandoverApprovalTool(client, ANA)
    asked = {"action": "approve"}
    if not APPROVE_WORKS:
        fails(AttributeError, lambda: handle_handover_call(client, asked, ANA))
        fails(AttributeError, lambda: tool.invoke(asked))
        return
    assert handle_handover_call(client, asked, ANA).startswith(f"APPROVED by {ANA}")
    assert handle_handover_call(client, '{"action": "deny"}', ANA).startswith("DENIED")
    assert tool.invoke(asked).startswith(f"APPROVED by {ANA}")
    assert "DENIED" in fails(ToolException, lambda: tool.invoke({"action": "deny"}))


STEPS = (
    creates_gets_and_polls,
    is_given_what_was_filled_in,
    attaches_files,
    decides_nothing_itself,
    approves,
    its_policy_is_advice,
    guards_a_function,
    is_a_tool_of_frameworks,
)


def main(url: str, key: str) -> None:
    for step in STEPS:
        began = time.monotonic()
        with HandoverClient(api_key=key, base_url=f"{url}/handover") as client:
            step(client)
        done = step.__name__.replace("_", " ")
        print(f"the-handover {VERSION}: {done} ({time.monotonic() - began:.1f} s)", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
