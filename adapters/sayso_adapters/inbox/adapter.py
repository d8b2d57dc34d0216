"""The inbox as an adapter: it reads what the desk holds, so there is nothing to post and nothing to look up.

It is the default channel and always works. Whoever is signed in was sent a link for that address by an admin, and
counts under that address alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from sayso_adapters.inbox.admin import Admin
from sayso_adapters.inbox.callbacks import Callbacks
from sayso_adapters.inbox.events import Live
from sayso_adapters.inbox.gate import Gate
from sayso_adapters.inbox.looks import Assets, Looks
from sayso_adapters.inbox.pages import Doorkeeper, Pages
from sayso_adapters.inbox.reading import Reader
from sayso_adapters.inbox.sessions import Sessions, make_link
from sayso_adapters.inbox.uploads import Uploads
from sayso_bot.domain.card import Card
from sayso_bot.domain.person import OPERATOR, Person, normal
from sayso_bot.domain.story import Entry
from sayso_bot.ports import AdapterContext, Capabilities, Check, Mount, Rejected


def create(context: AdapterContext) -> Inbox:
    return Inbox(context)


class Inbox:
    """See `sayso_bot.ports.ChatAdapter`."""

    name = "inbox"
    capabilities = Capabilities(pushes=False, finds=False)

    def __init__(self, context: AdapterContext) -> None:
        sessions = Sessions(context.shelf)
        self._context = context
        self._assets = Assets()
        self._live = Live(context.desk, sessions, context.log)
        gate = Gate(sessions, context.public_url)
        looks = Looks(self._assets)
        self._pages = Pages(Reader(context.desk), looks)
        self._uploads = Uploads(context.desk, gate)
        self._callbacks = Callbacks(context, gate, self._pages, self._live, self._uploads)
        self._admin = Admin(context, gate, looks)
        self._door = Doorkeeper(gate, looks, context.office)
        self._mount(context.mount)

    async def start(self) -> None:
        self._context.spawn(self._live.feed())

    async def stop(self) -> None:
        self._live.stop()

    async def sign_in_link(self, alias: str, name: str) -> str:
        """A link that signs ``alias`` in, once, within ten minutes. That it was made is on the record."""
        context = self._context
        link = await make_link(context.shelf, context.public_url, person_alias=alias, name=name)
        await context.journal("inbox_link_made", {"person": normal(alias)})
        return link

    async def post(self, card: Card, place: str, button: str) -> str:
        raise Rejected("inbox_takes_no_posts")

    async def update(self, card: Card, place: str, post: str, button: str) -> None:
        raise Rejected("inbox_takes_no_posts")

    async def find(self, request_id: str, place: str) -> str | None:
        return None

    async def narrate(self, place: str, post: str, entries: Sequence[Entry]) -> None:
        raise Rejected("inbox_takes_no_posts")

    async def told(self, place: str, post: str, entries: Sequence[Entry]) -> Sequence[Entry]:
        return ()

    async def notify(self, address: str, entry: Entry, *, near: str, look: bool) -> str | None:
        """Whoever signs in sees how their requests ended; nothing is sent."""
        return None

    async def resolve(self, approver: str, *, fresh: bool = False) -> frozenset[str]:
        """An address or the operator stands for itself; the inbox knows no groups."""
        return frozenset({normal(approver)}) if approver == OPERATOR or approver.startswith("email:") else frozenset()

    async def recognise(self, person: Person) -> Person:
        return person

    async def check(self) -> Sequence[Check]:
        address = f"{self._context.public_url.rstrip('/')}/inbox"
        return (Check("inbox", True, f"People answer at {address}; `sayso inbox link` makes a sign-in link."),)

    def _mount(self, mount: Mount) -> None:
        page, background = self._door.page, self._door.background
        mount("GET", "/", self._door.list)
        mount("GET", "/inbox/", self._door.list)
        mount("GET", "/inbox", page(self._pages.waiting))
        mount("GET", "/inbox/history", page(self._pages.history))
        mount("GET", "/inbox/help", page(self._pages.help))
        mount("GET", "/inbox/requests/{id}", page(self._pages.request))
        mount("POST", "/inbox/requests/{id}/vote", page(self._callbacks.vote), takes_files=True)
        mount("POST", "/inbox/requests/{id}/files", background(self._uploads.take), takes_files=True)
        mount("GET", "/inbox/requests/{id}/files/{file_id}", page(self._uploads.save))
        mount("POST", "/inbox/requests/{id}/edit", page(self._callbacks.edit))
        mount("GET", "/inbox/admin", page(self._admin.page))
        mount("POST", "/inbox/admin/preview", page(self._admin.preview))
        mount("POST", "/inbox/admin/do", page(self._admin.do))
        mount("GET", "/inbox/fragments/admin", background(self._admin.page))
        mount("GET", "/inbox/sign-in", self._pages.sign_in)
        mount("POST", "/inbox/session", self._callbacks.sign_in)
        mount("POST", "/inbox/sign-out", page(self._callbacks.sign_out))
        mount("GET", "/inbox/events", background(self._live.stream))
        mount("GET", "/inbox/fragments/waiting", background(self._pages.waiting))
        mount("GET", "/inbox/fragments/rows/{id}", background(self._pages.row))
        mount("GET", "/inbox/fragments/requests/{id}", background(self._pages.request))
        mount("GET", "/inbox/static/{digest}/{name}", self._assets.serve)
        mount("GET", "/inbox/{elsewhere:.+}", self._door.nowhere)
