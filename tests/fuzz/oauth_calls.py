"""The two addresses by which a workspace installs Slack's app, opened as no browser does: links, states, codes.

`World.set_right` makes a few of each anew, since what is begun is answered once.
"""

from __future__ import annotations

from random import Random

from fuzz.agent_calls import CLOSE, HOST
from fuzz.case import Case, http_head
from fuzz.mutation import in_address, text

BEGUN = 8
COOKIE = "sayso-install-__PORT__"
CODES = ("__CODE__", "1.2.not-a-code", "a" * 300, "a" * 301, "1.2%203", "", "%2e%2e")
OTHERS = ("error", "error_description", "workspace", "redirect_uri")


def oauth_call(chance: Random) -> Case:
    number = chance.randrange(BEGUN)
    return _begin(chance, number) if chance.random() < 0.3 else _finish(chance, number)


def _begin(chance: Random, number: int) -> Case:
    link = f"__LINK_{number}__" if chance.random() < 0.5 else chance.choice(("A" * 43, "", in_address(chance)))
    return _case(chance, "/slack/install", [("link", link)], f"{COOKIE}={text(chance)[:100]}")


def _finish(chance: Random, number: int) -> Case:
    """Under the state and in the browser that set out, but for some."""
    state, browser = f"__STATE_{number}__", f"__BROWSER_{number}__"
    match chance.randrange(10):
        case 0:
            state = chance.choice((f"__STATE_{(number + 1) % BEGUN}__", "A" * 43, in_address(chance)))
        case 1:
            browser = chance.choice((f"__BROWSER_{(number + 1) % BEGUN}__", "A" * 43, "", text(chance)[:200]))
    code = chance.choice(CODES) if chance.random() < 0.7 else in_address(chance)
    fields = [("state", state), ("code", code)]
    if chance.random() < 0.15:
        fields.append((chance.choice(OTHERS), in_address(chance, 100)))
    return _case(chance, "/slack/oauth_redirect", fields, f"{COOKIE}={browser}")


def _case(chance: Random, path: str, fields: list[tuple[str, str]], cookie: str) -> Case:
    fields = [field for field in fields if chance.random() < 0.96]
    if fields and chance.random() < 0.08:
        fields.append((chance.choice(fields)[0], in_address(chance)))
    query = chance.choice(("&", "&", "&", "&&", ";")).join(f"{name}={value}" for name, value in fields)
    method = "GET" if chance.random() < 0.95 else chance.choice(("HEAD", "POST", "PUT"))
    sent = [HOST, CLOSE] if chance.random() < 0.03 else [HOST, CLOSE, ("Cookie", cookie)]
    return Case("oauth", http_head(f"{method} {path}?{query} HTTP/1.1", *sent))
