"""What stands between the inbox and somebody else's page: cookies, origins, tokens and headers."""

from __future__ import annotations

import pytest

from sayso_bot.errors import Unavailable
from unit.inbox.inbox_service import Service, serving
from unit.inbox.visitor import Visitor, hidden_fields, visiting


async def test_a_forged_form_from_another_site_changes_nothing(service: Service, ana: Visitor) -> None:
    request = service.ask()
    fields = await ana.answer_form(request.id, outcome="approve", reason="")
    path = f"/inbox/requests/{request.id}/vote"
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": service.url, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {},
    ):
        answer = await ana.post(path, fields, headers)
        assert answer.status_code == 403, headers
        assert "Nothing was changed" in answer.text
    assert service.desk.counted == []


@pytest.mark.parametrize("token", ["", "x" * 43, "é"])
async def test_a_form_without_its_sessions_token_changes_nothing(service: Service, ana: Visitor, token: str) -> None:
    request = service.ask()
    fields = await ana.answer_form(request.id, outcome="approve", reason="", csrf=token)
    answer = await ana.post(f"/inbox/requests/{request.id}/vote", fields)
    assert answer.status_code == 403
    assert service.desk.counted == []


async def test_another_sessions_token_does_not_count(service: Service, ana: Visitor, stranger: Visitor) -> None:
    request = service.ask()
    await stranger.sign_in("email:ben@example.com", "Ben")
    fields = await stranger.answer_form(request.id, outcome="approve", reason="")
    answer = await ana.post(f"/inbox/requests/{request.id}/vote", fields)
    assert answer.status_code == 403


async def test_opening_an_address_never_decides(service: Service, ana: Visitor) -> None:
    request = service.ask()
    fields = await ana.answer_form(request.id, outcome="approve", reason="")
    answer = await ana.client.get(f"/inbox/requests/{request.id}/vote", params=fields)
    assert answer.status_code == 404
    await ana.client.get(f"/inbox/requests/{request.id}", params=fields)
    assert service.desk.counted == []


async def test_json_and_multipart_are_no_forms(service: Service, ana: Visitor) -> None:
    request = service.ask()
    fields = await ana.answer_form(request.id, outcome="approve", reason="")
    origin = {"Origin": service.url}
    path = f"/inbox/requests/{request.id}/vote"
    assert (await ana.client.post(path, json=fields, headers=origin)).status_code == 415
    files = {name: (None, value) for name, value in fields.items()}
    assert (await ana.client.post(path, files=files, headers=origin)).status_code == 415


async def test_signing_in_gives_a_new_session_and_ends_the_one_that_came_along(
    service: Service, stranger: Visitor
) -> None:
    await stranger.sign_in("email:mallory@example.com", "Mallory")
    planted = dict(stranger.client.cookies)
    await stranger.sign_in()
    assert "Ana" in (await stranger.get("/inbox")).text
    assert dict(stranger.client.cookies) != planted
    async with visiting(service) as mallory:
        mallory.client.cookies.update(planted)
        assert (await mallory.get("/inbox")).status_code == 401


async def test_an_invented_cookie_is_not_taken_over(service: Service, stranger: Visitor) -> None:
    name = next(iter(await _cookie_names(stranger)))
    stranger.client.cookies.clear()
    stranger.client.cookies.set(name, "chosen-by-somebody-else", domain="127.0.0.1")
    assert (await stranger.get("/inbox")).status_code == 401
    answer = await stranger.sign_in()
    assert "chosen-by-somebody-else" not in answer.headers["set-cookie"]


async def _cookie_names(visitor: Visitor) -> list[str]:
    await visitor.sign_in()
    return list(visitor.client.cookies)


async def test_a_token_from_another_site_is_not_exchanged(service: Service, stranger: Visitor) -> None:
    token = (await service.link()).partition("#")[2]
    assert (await stranger.exchange(token, Origin="https://evil.example")).status_code == 403
    assert (await stranger.exchange(token)).status_code == 200


@pytest.mark.parametrize("token", ["", "short", "A" * 43, "A" * 5000, "\ud83d\ude00"])
async def test_a_token_that_was_never_made_is_answered_like_a_used_one(stranger: Visitor, token: str) -> None:
    answer = await stranger.exchange(token.encode("utf-16", "surrogatepass").decode("utf-16"))
    assert answer.status_code == 410
    assert "set-cookie" not in answer.headers


async def test_signing_in_leads_to_the_wanted_request_and_nowhere_else(service: Service, stranger: Visitor) -> None:
    request = service.ask()
    assert (await stranger.get(f"/inbox/requests/{request.id}")).status_code == 401
    assert (await stranger.sign_in()).json() == {"next": f"/inbox/requests/{request.id}"}
    assert (await stranger.sign_in()).json() == {"next": "/inbox"}
    for planted in ("//evil.example", "https://evil.example/", "../../evil", f"{request.id}/../../x"):
        name = next(name for name in await _next_cookie(stranger, request.id))
        stranger.client.cookies.set(name, planted, domain="127.0.0.1", path="/")
        assert (await stranger.sign_in()).json() == {"next": "/inbox"}


async def _next_cookie(visitor: Visitor, request_id: str) -> list[str]:
    visitor.client.cookies.clear()
    await visitor.get(f"/inbox/requests/{request_id}")
    return [name for name in visitor.client.cookies if name.endswith("-next")]


async def test_signing_out_ends_the_session_at_once(service: Service, ana: Visitor) -> None:
    cookies = dict(ana.client.cookies)
    fields = hidden_fields((await ana.get("/inbox")).text, "/sign-out")
    assert (await ana.post("/inbox/sign-out", fields)).status_code == 303
    ana.client.cookies.update(cookies)
    assert (await ana.get("/inbox")).status_code == 401


async def test_behind_https_the_cookie_is_bound_to_host_and_transport() -> None:
    async with serving("https://sayso.example") as service, visiting(service) as visitor:
        answer = await visitor.exchange((await service.link()).partition("#")[2], Origin="https://sayso.example")
    cookie = next(line for line in answer.headers.get_list("set-cookie") if line.startswith("__Host-sayso="))
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"):
        assert part in cookie
    assert "Domain" not in cookie


async def test_every_answer_carries_the_headers_that_keep_others_out(service: Service, ana: Visitor) -> None:
    request = service.ask()
    paths = [
        *("/inbox", "/inbox/history", "/inbox/help", "/inbox/sign-in", "/inbox/static/x/none.js"),
        *(f"/inbox/requests/{request.id}", f"/inbox/fragments/rows/{request.id}", "/inbox/requests/nonsense"),
    ]
    for path in paths:
        headers = (await ana.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


async def test_no_page_holds_script_or_style_of_its_own(service: Service, ana: Visitor) -> None:
    request = service.ask()
    for path in ("/inbox", "/inbox/history", "/inbox/help", "/inbox/sign-in", f"/inbox/requests/{request.id}"):
        page = (await ana.get(path)).text
        assert "<style" not in page
        assert " style=" not in page
        assert "javascript:" not in page
        assert page.count("<script") == page.count('<script type="module" src="/inbox/static/')
        assert "//" not in page.replace("<!doctype", "").replace("http://www.w3.org", "")


async def test_assets_may_be_kept_for_ever_under_their_own_digest_only(service: Service, stranger: Visitor) -> None:
    page = (await stranger.get("/inbox/sign-in")).text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    kept = await stranger.get(address)
    assert "immutable" in kept.headers["cache-control"]
    assert kept.headers["content-type"].startswith("text/css")
    stale = await stranger.get(address.replace(address.split("/")[3], "0" * 16))
    assert stale.headers["cache-control"] == "no-store"
    assert (await stranger.get("/inbox/static/x/..%2Fadapter.py")).status_code == 404


async def test_secrets_stay_out_of_the_log(service: Service, stranger: Visitor) -> None:
    link = await service.link()
    await stranger.exchange(link.partition("#")[2])
    written = repr(service.around.log.lines)
    assert "signed_in" in written
    assert link.partition("#")[2] not in written
    assert next(iter(stranger.client.cookies.values())) not in written


async def test_links_signing_in_and_signing_out_are_on_the_record_without_secrets(
    service: Service, stranger: Visitor
) -> None:
    journal = service.around.journal
    link = await service.link()
    assert journal == [("inbox_link_made", {"person": "email:ana@example.com"})]
    await stranger.exchange(link.partition("#")[2])
    (session,) = await service.inbox._live._sessions.all()
    about = {"person": "email:ana@example.com", "session": session.short_id}
    assert journal[1:] == [("inbox_signed_in", about)]
    fields = hidden_fields((await stranger.get("/inbox")).text, "/sign-out")
    await stranger.post("/inbox/sign-out", fields)
    assert journal[2:] == [("inbox_signed_out", about)]
    written = repr(journal)
    assert link.partition("#")[2] not in written
    assert session.csrf not in written


async def test_a_session_that_gives_way_to_a_new_one_is_on_the_record(service: Service, ana: Visitor) -> None:
    (first,) = await service.inbox._live._sessions.all()
    await ana.sign_in()
    assert service.around.journal[-1] == ("inbox_session_ended", first.about)


async def test_a_session_that_ended_is_on_the_record_also_where_the_store_fails_then(
    service: Service, ana: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    (session,) = await service.inbox._live._sessions.all()
    fields = hidden_fields((await ana.get("/inbox")).text, "/sign-out")
    shelf = service.around.shelf
    delete = shelf.delete

    async def lost(name: str) -> bool:
        await delete(name)
        raise Unavailable("The store cannot be reached.")

    monkeypatch.setattr(shelf, "delete", lost)
    assert (await ana.post("/inbox/sign-out", fields)).status_code == 503
    assert (await ana.get("/inbox")).status_code == 401
    assert service.around.journal[-1] == ("inbox_signed_out", session.about)


async def test_nobody_is_signed_out_off_the_record(service: Service, ana: Visitor) -> None:
    fields = hidden_fields((await ana.get("/inbox")).text, "/sign-out")
    service.around.journal_trouble = Unavailable("The store cannot be reached.")
    assert (await ana.post("/inbox/sign-out", fields)).status_code == 503
    assert (await ana.get("/inbox")).status_code == 200


async def test_nobody_is_signed_in_off_the_record(service: Service, stranger: Visitor) -> None:
    link = await service.link()
    service.around.journal_trouble = Unavailable("The store cannot be reached.")
    answer = await stranger.exchange(link.partition("#")[2])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "set-cookie" not in answer.headers
    assert (await stranger.get("/inbox")).status_code == 401
