"""The table finds what aiohttp's router would, however a path is written."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from sayso_bot.http.table import Table

PATHS = (
    "/a", "/a/", "/a?b=c", "/a/x", "/a/x?b=/c/d", "/a/x/", "/a/x/cancel", "/a/fixed", "/a/x%2Fy", "/a/%78", "/%61",
    "/a/x/y", "/", "//a", "/b/12", "/b/xy", "/c/x-1", "/c/1", "/d/x/y", "/none", "/a/{id}", "/a#x", "http://h/a",
)  # fmt: skip


async def _nobody(_: web.Request) -> web.Response:
    raise AssertionError("only looked for")


def _router() -> web.UrlDispatcher:
    router = web.UrlDispatcher()
    for method, path in (
        ("GET", "/a"), ("POST", "/a"), ("GET", "/a/{id}"), ("POST", "/a/{id}/cancel"), ("GET", "/a/fixed"),
        ("GET", r"/b/{number:\d+}"), ("GET", "/b/{word}"), ("GET", "/c/x-{rest}"), ("GET", "/d/{one}/{two}"),
    ):  # fmt: skip
        router.add_route(method, path, _nobody)
    return router


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "get"])
@pytest.mark.parametrize("path", PATHS)
async def test_a_call_is_found_as_the_router_finds_it(method: str, path: str) -> None:
    router = _router()
    asked = make_mocked_request(method, path)
    table, expected = Table(router), await router.resolve(asked)
    found = table.known(asked) or await table.walk(asked)
    assert (dict(found.match), found.match.route.resource) == (dict(expected), expected.route.resource)
    assert type(found.match.http_exception) is type(expected.http_exception)
    if expected.http_exception is None:
        assert found.match.route is expected.route
        assert found.handler is expected.handler
        assert found.name == f"{expected.route.method} {expected.route.resource.canonical}"  # type: ignore[union-attr]
    else:
        assert found.name == "none"
