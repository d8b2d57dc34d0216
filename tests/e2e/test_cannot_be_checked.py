"""While a platform cannot be asked who somebody is, nobody is told that they may not decide, and nothing is lost."""

from __future__ import annotations

from e2e.office import asked, office, workspace
from e2e.test_inbox_files import signed_in
from service import ANA, serving

IN_THE_INBOX = """
rules:
  - action: "*"
    ask: {channel: inbox, approvers: ["slack:S0FINANCE"], reason: always}
"""
UNKNOWN = "It could not be checked just now whether you may decide this."


async def test_the_inbox_keeps_the_form_and_what_was_written_while_slack_is_away() -> None:
    async with workspace() as slack, office(slack, policy=IN_THE_INBOX) as (sayso, agent):
        slack.add_group("S0FINANCE", ["U0ANA"])
        ana, request = await signed_in(sayso, "email:ana@example.com"), await asked(agent)
        path = f"/inbox/requests/{request}"
        await slack.refuse_connections()
        listed = (await ana.client.get("/inbox")).text
        assert "Perhaps waiting for you" in listed
        assert "Nothing waits for you" not in listed
        assert UNKNOWN in (await ana.client.get(path)).text
        answer = await ana.fields(request) | {"outcome": "approve", "reason": "I asked the customer."}
        refused = await ana.client.post(f"{path}/vote", data=answer, headers=ana.headers)
        assert refused.status_code == 503
        assert "Your answer did not count." in refused.text
        assert ">I asked the customer.</textarea>" in refused.text
        await slack.accept_connections()
        page = (await ana.client.get(path)).text
        assert 'data-state="open"' in page
        assert UNKNOWN not in page
        assert (await ana.client.post(f"{path}/vote", data=answer, headers=ana.headers)).status_code == 303
        assert (await sayso.service.desk.look(request)).status == "approved"


async def test_a_platform_that_is_not_set_up_is_no_passing_trouble() -> None:
    async with serving(policy=IN_THE_INBOX) as sayso:
        request = await sayso.service.desk.look(await asked(await sayso.agent()))
        standing = await sayso.service.desk.standing(request, ANA, surface="inbox")
        assert (standing.may_vote, standing.unsure) == (False, False)
        assert "slack, which is not set up here" in str(standing.why_not)
