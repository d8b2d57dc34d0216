"""A workspace installs the app: by an operator's link, in one browser, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from fakes.slack_oauth import Browser, FakeSlackApp
from sayso_adapters.slack.installations import Installations, utc_now
from sayso_adapters.slack.manifest import BOT_SCOPES
from sayso_adapters.slack.oauth import OAuth
from sayso_adapters.slack.settings import read
from sayso_bot.errors import Unavailable
from sayso_bot.testing.desk import MemoryDesk
from unit.slack.slack_tenants import ONE, PLACE_ONE, TWO, Replica, install, replica


@pytest.fixture
async def app() -> AsyncIterator[FakeSlackApp]:
    async with FakeSlackApp() as app:
        for team, channel in ((ONE, "C0ONE"), (TWO, "C0TWO")):
            app.add_workspace(team).add_channel(channel, [])
        yield app


@pytest.fixture
async def service(app: FakeSlackApp, desk: MemoryDesk) -> AsyncIterator[Replica]:
    async with replica(app, desk) as running:
        yield running


async def _installed(service: Replica) -> list[str]:
    return [found.id for found in await Installations(service.shelf).all()]


async def _answer_of_slack(app: FakeSlackApp, service: Replica, browser: Browser) -> str:
    """Where Slack sends a browser that agreed, before it goes there."""
    app.consents(ONE)
    _, _, headers = await browser.open(await service.link(), follow=False)
    _, _, headers = await browser.open(headers["Location"], follow=False)
    return headers["Location"]


async def test_an_installation_ends_with_a_card_in_that_workspace(
    app: FakeSlackApp, service: Replica, desk: MemoryDesk
) -> None:
    page = await install(app, service, ONE, user="U0ADMIN")
    assert f"slack:{ONE}/C" in page
    assert "xoxb" not in page
    assert service.around.journal == [
        ("slack_installed", {"installation": ONE, "team": ONE, "enterprise": "", "by": "U0ADMIN"})
    ]
    await service.posted(desk, PLACE_ONE)
    assert len(app.members[ONE].messages) == 1
    assert "auth.test" not in [method for _, method, _ in app.used]


async def test_slack_is_asked_for_what_the_app_needs_and_is_told_where_to_return(
    app: FakeSlackApp, service: Replica
) -> None:
    await install(app, service, ONE)
    asked = app.asked[0]
    assert asked["scope"].split(",") == list(BOT_SCOPES)
    assert asked["redirect_uri"] == f"{service.url}/slack/oauth_redirect" == app.grants[0]["redirect_uri"]


async def test_nothing_secret_is_logged_and_the_shelf_knows_no_link_state_or_cookie(
    app: FakeSlackApp, service: Replica
) -> None:
    browser, link = Browser(), await service.link()
    app.consents(ONE)
    await browser.open(link, follow=False)
    secret = parse_qs(urlsplit(link).query)["link"][0]
    _, _, headers = await browser.open(link, follow=False)
    state = parse_qs(urlsplit(headers["Location"]).query)["state"][0]
    names = " ".join([*await service.shelf.names("link/"), *await service.shelf.names("state/")])
    assert secret not in names
    assert state not in names
    await browser.open(headers["Location"])
    lines = str(service.around.log.lines) + str(service.around.journal)
    for hidden in (secret, state, *app.tokens, *(grant["code"] for grant in app.grants)):
        assert hidden not in lines


async def test_a_link_installs_once(app: FakeSlackApp, service: Replica) -> None:
    link = await service.link()
    app.consents(ONE)
    assert (await Browser().open(link))[0] == 200
    app.consents(TWO)
    status, page, _ = await Browser().open(link)
    assert status == 410
    assert "Nothing was installed" in page
    assert await _installed(service) == [ONE]


async def test_a_link_that_two_browsers_have_opened_installs_once(app: FakeSlackApp, service: Replica) -> None:
    link, first, second = await service.link(), Browser(), Browser()
    app.consents(ONE)
    _, _, one = await first.open(link, follow=False)
    _, _, two = await second.open(link, follow=False)
    assert (await first.open(one["Location"]))[0] == 200
    assert (await second.open(two["Location"]))[0] == 410
    assert len(app.grants) == 1


async def test_looking_at_a_link_does_not_use_it_up(app: FakeSlackApp, service: Replica) -> None:
    link = await service.link()
    await Browser().open(link, follow=False)
    app.consents(ONE)
    assert (await Browser().open(link))[0] == 200


@pytest.mark.parametrize("link", ["", "x", "a" * 43, "é" * 43])
async def test_a_link_that_was_never_made_leads_nowhere(app: FakeSlackApp, service: Replica, link: str) -> None:
    status, _, headers = await Browser().open(f"{service.url}/slack/install?{urlencode({'link': link})}")
    assert status == 410
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert app.asked == []


async def test_a_link_that_has_lapsed_leads_nowhere(app: FakeSlackApp, service: Replica) -> None:
    link = await service.link()
    for name in await service.shelf.names("link/"):
        await service.shelf.delete(name)
    assert (await Browser().open(link))[0] == 410
    assert app.asked == []


async def test_a_link_for_one_workspace_keeps_no_token_of_another(app: FakeSlackApp, service: Replica) -> None:
    app.consents(TWO)
    status, page, _ = await Browser().open(await service.link(workspace=ONE))
    assert status == 403
    assert "Remove the app" in page
    assert await _installed(service) == []
    assert service.around.journal == []


async def test_an_answer_of_slack_counts_once(app: FakeSlackApp, service: Replica) -> None:
    browser = Browser()
    back = await _answer_of_slack(app, service, browser)
    assert (await browser.open(back))[0] == 200
    assert (await browser.open(back))[0] == 400
    assert len(app.grants) == 1


async def test_a_state_that_was_answered_once_carries_no_code(app: FakeSlackApp, service: Replica) -> None:
    browser = Browser()
    back = await _answer_of_slack(app, service, browser)
    state = parse_qs(urlsplit(back).query)["state"][0]
    declined = f"{service.url}/slack/oauth_redirect?{urlencode({'state': state, 'error': 'access_denied'})}"
    assert (await browser.open(declined))[0] == 200
    assert (await browser.open(back))[0] == 400
    assert app.grants == []


async def test_an_answer_of_slack_counts_in_the_browser_that_set_out_alone(app: FakeSlackApp, service: Replica) -> None:
    browser, stranger = Browser(), Browser()
    back = await _answer_of_slack(app, service, browser)
    assert (await stranger.open(back))[0] == 400
    await stranger.open(await service.link(), follow=False)  # now it has a cookie of its own
    assert (await stranger.open(back))[0] == 400
    assert app.grants == []
    assert (await browser.open(back))[0] == 200


async def test_a_code_without_a_state_is_not_exchanged(app: FakeSlackApp, service: Replica) -> None:
    browser = Browser()
    await browser.open(await service.link(), follow=False)
    for query in ({"code": app.code(ONE)}, {"code": app.code(ONE), "state": "s" * 43}):
        assert (await browser.open(f"{service.url}/slack/oauth_redirect?{urlencode(query)}"))[0] == 400
    assert app.grants == []


async def test_an_answer_without_a_code_installs_nothing(app: FakeSlackApp, service: Replica) -> None:
    browser = Browser()
    back = urlsplit(await _answer_of_slack(app, service, browser))
    state = parse_qs(back.query)["state"][0]
    assert (await browser.open(f"{service.url}{back.path}?{urlencode({'state': state})}"))[0] == 400
    assert app.grants == []


async def test_who_declines_can_open_the_link_again(app: FakeSlackApp, service: Replica) -> None:
    link = await service.link()
    app.declines()
    status, page, _ = await Browser().open(link)
    assert status == 200
    assert "declined" in page
    assert await _installed(service) == []
    app.consents(ONE)
    assert (await Browser().open(link))[0] == 200


async def test_an_exchange_whose_answer_is_lost_is_not_sent_again(app: FakeSlackApp, service: Replica) -> None:
    app.consents(ONE)
    app.drops_grants = 1
    status, page, _ = await Browser().open(await service.link())
    assert status == 502
    assert "Nothing was installed" in page
    assert len(app.grants) == 1
    assert await _installed(service) == []


async def test_an_installation_that_cannot_be_put_on_the_record_is_none(app: FakeSlackApp, service: Replica) -> None:
    app.consents(ONE)
    service.around.journal_trouble = Unavailable("The store is away.")
    status, _, headers = await Browser().open(await service.link())
    assert (status, headers["Retry-After"]) == (503, "1")
    assert await _installed(service) == []


async def test_who_reads_the_page_of_an_installation_can_run_no_script_in_it(
    app: FakeSlackApp, service: Replica
) -> None:
    app.name = '<script>alert("1")</script>'
    app.consents(ONE)
    _, page, headers = await Browser().open(await service.link())
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"


async def test_installing_again_takes_the_new_token(app: FakeSlackApp, service: Replica, desk: MemoryDesk) -> None:
    await install(app, service, ONE)
    await service.posted(desk, PLACE_ONE)
    app.revoke(ONE)
    await install(app, service, ONE)
    await service.posted(desk, PLACE_ONE)
    assert len(app.members[ONE].messages) == 2


@pytest.mark.parametrize(
    ("api", "page"),
    [
        ("https://slack.com/api/", "https://slack.com/oauth/v2/authorize?"),
        ("https://slack-gov.com/api", "https://slack-gov.com/oauth/v2/authorize?"),
        ("http://127.0.0.1:9/api/", "http://127.0.0.1:9/oauth/v2/authorize?"),
    ],
)
def test_the_consent_page_is_of_the_slack_that_is_asked(app: FakeSlackApp, api: str, page: str) -> None:
    settings = read({**app.settings(), "SLACK_API_URL": api})
    assert (
        OAuth(settings, "https://sayso.example.com/back", ("chat:write",), utc_now).consent_page("s").startswith(page)
    )
