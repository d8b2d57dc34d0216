"""`Sayso` and `AsyncSayso`: the flows of `sayso.asking`, carried out with httpx.

Redirects are never followed, certificates are always checked, and a plain http address is called directly and not
through a proxy of the environment, so the key goes where it was meant to go.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TypedDict, TypeVar, Unpack, cast

import httpx

from sayso.asking import Asking, Core, Flow, Patience
from sayso.durations import Duration, seconds
from sayso.endpoint import Endpoint, locate
from sayso.files import File
from sayso.question import Question, Submission
from sayso.request import Approval, Page, Request
from sayso.strict_json import Json
from sayso.wire import Answer, Call, Lost

_T = TypeVar("_T")

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_MARGIN_SECONDS = 15.0


class Reaching(TypedDict, total=False):
    """How the service is reached.

    ``connect_within`` is how long to try until a request is made (30 s), ``reconnect_within`` how long an outage may
    last once it is (15 min). ``insecure`` accepts plain http beyond this machine.
    """

    insecure: bool | None
    connect_within: Duration
    reconnect_within: Duration


class _Client:
    """What both clients share: where the service is, and how patient they are with it."""

    def __init__(self, url: str | None, key: str | None, reaching: Reaching) -> None:
        self._endpoint = locate(url, key, reaching.get("insecure"))
        patience = Patience(
            seconds(reaching.get("connect_within", 30)), seconds(reaching.get("reconnect_within", "15m"))
        )
        self._core = Core(patience)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(url={self._endpoint.url!r})"

    def _ask(self, action: str, params: Mapping[str, object], options: Asking) -> Flow[Approval]:
        question = Question.of(action, params, options)
        edits = options.get("edits", False)
        return self._core.ask(question, wait=options.get("wait"), progress=options.get("progress"), edits=edits)


class Sayso(_Client):
    """Ask from ordinary code. One client serves many threads; close it, or use it as a context manager."""

    def __init__(self, url: str | None = None, key: str | None = None, **reaching: Unpack[Reaching]) -> None:
        """``url`` and ``key`` come from ``SAYSO_URL`` and ``SAYSO_KEY`` (or ``…_FILE``) where they are not given.

        Raises `Unusable`.
        """
        super().__init__(url, key, reaching)
        self._http = httpx.Client(**_settings(self._endpoint))

    def ask(self, action: str, params: Mapping[str, object], **options: Unpack[Asking]) -> Approval:
        """Ask, wait for a person, and return only if they approved exactly this. Everything else raises."""
        return self._carry_out(self._ask(action, params, options))

    def submit(self, action: str, params: Mapping[str, object], **options: Unpack[Submission]) -> Request:
        """Make the request and return at once, however it stands."""
        return self._carry_out(self._core.submit(Question.of(action, params, options)))

    def wait(self, request: Request | str, *, wait: Duration | None = None, edits: bool = False) -> Approval:
        """Wait for the decision of a request that was submitted. Raises as `ask` does."""
        return self._carry_out(self._core.wait(request, wait=wait, edits=edits))

    def get(self, request_id: str) -> Request:
        """The request as it stands."""
        return self._carry_out(self._core.get(request_id))

    def list(
        self,
        *,
        status: str | None = None,
        action: str | None = None,
        agent: str | None = None,
        cursor: str | None = None,
    ) -> Page:
        """The agent's own requests, newest first."""
        return self._carry_out(self._core.list(status=status, action=action, agent=agent, cursor=cursor))

    def cancel(self, request_id: str) -> Request:
        """Withdraw a pending request. Cancelling twice is no error."""
        return self._carry_out(self._core.cancel(request_id))

    def download(self, request: Request | str, file: File | Mapping[str, Json]) -> bytes:
        """What a file holds: one of ``request.files``, or of ``decision.response``. Its digest is checked.

        Untrusted: it is what somebody sent, whatever its name and type say.
        """
        return self._carry_out(self._core.download(request, File.of(file)))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Sayso:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _carry_out(self, flow: Flow[_T]) -> _T:
        try:
            call = next(flow)
            while True:
                if call.after:
                    time.sleep(call.after)
                call = flow.send(self._send(call))
        except StopIteration as end:
            return cast(_T, end.value)

    def _send(self, call: Call) -> Answer | Lost:
        try:
            return _answer(self._http.request(**_arguments(call)))
        except httpx.RequestError as error:
            return _lost(error)


class AsyncSayso(_Client):
    """Ask from asyncio. Close it with `aclose`, or use it as an async context manager."""

    def __init__(self, url: str | None = None, key: str | None = None, **reaching: Unpack[Reaching]) -> None:
        """As `Sayso`."""
        super().__init__(url, key, reaching)
        self._http = httpx.AsyncClient(**_settings(self._endpoint))

    async def ask(self, action: str, params: Mapping[str, object], **options: Unpack[Asking]) -> Approval:
        """Ask, wait for a person, and return only if they approved exactly this. Everything else raises."""
        return await self._carry_out(self._ask(action, params, options))

    async def submit(self, action: str, params: Mapping[str, object], **options: Unpack[Submission]) -> Request:
        """Make the request and return at once, however it stands."""
        return await self._carry_out(self._core.submit(Question.of(action, params, options)))

    async def wait(self, request: Request | str, *, wait: Duration | None = None, edits: bool = False) -> Approval:
        """Wait for the decision of a request that was submitted. Raises as `ask` does."""
        return await self._carry_out(self._core.wait(request, wait=wait, edits=edits))

    async def get(self, request_id: str) -> Request:
        """The request as it stands."""
        return await self._carry_out(self._core.get(request_id))

    async def list(
        self,
        *,
        status: str | None = None,
        action: str | None = None,
        agent: str | None = None,
        cursor: str | None = None,
    ) -> Page:
        """The agent's own requests, newest first."""
        return await self._carry_out(self._core.list(status=status, action=action, agent=agent, cursor=cursor))

    async def cancel(self, request_id: str) -> Request:
        """Withdraw a pending request. Cancelling twice is no error."""
        return await self._carry_out(self._core.cancel(request_id))

    async def download(self, request: Request | str, file: File | Mapping[str, Json]) -> bytes:
        """What a file holds: one of ``request.files``, or of ``decision.response``. Its digest is checked.

        Untrusted: it is what somebody sent, whatever its name and type say.
        """
        return await self._carry_out(self._core.download(request, File.of(file)))

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> AsyncSayso:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _carry_out(self, flow: Flow[_T]) -> _T:
        try:
            call = next(flow)
            while True:
                if call.after:
                    await asyncio.sleep(call.after)
                call = flow.send(await self._send(call))
        except StopIteration as end:
            return cast(_T, end.value)

    async def _send(self, call: Call) -> Answer | Lost:
        try:
            return _answer(await self._http.request(**_arguments(call)))
        except httpx.RequestError as error:
            return _lost(error)


def _settings(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "base_url": endpoint.url,
        "auth": endpoint.bearer,
        "headers": {"User-Agent": "sayso"},
        "follow_redirects": False,
        "trust_env": not endpoint.direct,
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=20),
    }


def _arguments(call: Call) -> dict[str, Any]:
    return {
        "method": call.method,
        "url": call.path,
        "params": call.parameters or None,
        "headers": call.headers,
        "content": call.body,
        "timeout": httpx.Timeout(_MARGIN_SECONDS, connect=10.0, read=call.hold + _MARGIN_SECONDS),
    }


def _answer(response: httpx.Response) -> Answer:
    return Answer(
        status=response.status_code,
        content_type=response.headers.get("Content-Type", ""),
        retry_after=response.headers.get("Retry-After"),
        body=response.content,
    )


def _lost(error: httpx.RequestError) -> Lost:
    """Why no answer came, in words of our own: a library's text could name what it should not."""
    if _distrusted(error):
        return Lost("its certificate cannot be verified.", sent=False, final=True)
    if isinstance(error, _NEVER_SENT):
        return Lost("no connection could be made.", sent=False)
    if isinstance(error, httpx.TimeoutException):
        return Lost("no answer came in time.", sent=True)
    return Lost("the connection broke before the whole answer had come.", sent=True)


def _distrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
