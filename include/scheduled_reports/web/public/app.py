"""The app of the public door: files, leaving a report, and what else a reader gets.

A token in the path is all that a request proves.  Its signature is verified before the database is asked anything, and
every address, method and token that is not valid is answered with the same page, so that an answer says nothing about
which tokens exist.
"""

from __future__ import annotations

import asyncio
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from ...domain.errors import location
from ...domain.link_token import InvalidTokenError, LinkToken, Purpose
from ...domain.reader import LeftBy
from .forms import InvalidFormError, read_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from ...domain.link_token import LinkKeys
    from ...ports.readers import Door, DoorFile, DoorReader
    from .pages import Pages

T = TypeVar("T")
log = logging.getLogger(__name__)

PATH: Final = re.compile(rf"/({'|'.join(Purpose)})/([A-Za-z0-9_-]+)")
METHODS: Final = {
    Purpose.FILES: frozenset({"GET", "HEAD"}),
    Purpose.LEAVE: frozenset({"GET", "HEAD", "POST"}),
    Purpose.MANAGE: frozenset({"GET", "HEAD", "POST"}),
}
#: Requests that may ask the database and sign at a time; others wait for at most so many seconds.
THREADS: Final = 8
SECONDS: Final = 15
#: What a mail program sends when its reader presses its own button (RFC 8058, 3.1).
ONE_CLICK: Final = ("list-unsubscribe", "one-click")
#: One of them says that a body follows.
BODY: Final = frozenset({"content-length", "transfer-encoding"})


class GoneError(Exception):
    """There is nothing behind a valid token any more."""


@dataclass(frozen=True, kw_only=True)
class PublicDoor:
    """The ASGI app; *link* signs an address of a file that works for a short time."""

    door: Door
    link: Callable[[DoorFile], str]
    keys: LinkKeys
    pages: Pages
    #: The path of LINK_BASE, which a proxy may leave in place or take away.
    path: str = ""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="public-door")
    )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        request = Request(scope, receive)
        response = await self._answer(request)
        if BODY & set(request.headers.keys()):
            # Otherwise the server reads a body to its end that we have stopped reading.
            response.headers["connection"] = "close"
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        """The response to a request; of an error only the type is logged, because its text may hold the token."""
        try:
            purpose, token = self._verified(request)
            return await {
                Purpose.FILES: self._files,
                Purpose.LEAVE: self._leave,
                Purpose.MANAGE: self._manage,
            }[purpose](request, token)
        except (InvalidTokenError, InvalidFormError, GoneError):
            return self.pages.not_found()
        except Exception as error:
            cause = f" ({type(error.__cause__).__name__})" if error.__cause__ else ""
            log.warning("a request failed: %s%s%s", type(error).__name__, cause, location(error))
            return self.pages.unavailable()

    def _verified(self, request: Request) -> tuple[Purpose, LinkToken]:
        """The purpose and the token of a request that we answer."""
        path: str = request.scope["path"]
        if self.path and path.startswith(f"{self.path}/"):
            path = path.removeprefix(self.path)
        found = PATH.fullmatch(path)
        if found is None or request.method not in METHODS[Purpose(found[1])]:
            raise InvalidTokenError
        purpose = Purpose(found[1])
        return purpose, self.keys.read(purpose, found[2], self.now())

    async def _files(self, request: Request, token: LinkToken) -> Response:
        """Redirect to the file; HEAD describes it and is no opening."""
        assert token.format is not None  # a token for files has one
        is_opening = request.method == "GET"
        file = await self._run(self.door.file, token.reader, token.format, is_opening=is_opening)
        if file is None:
            raise GoneError
        if not is_opening:
            return self.pages.describing(file)
        return self.pages.redirect(await self._run(self.link, file), 302)

    async def _leave(self, request: Request, token: LinkToken) -> Response:
        """Show the page of leaving; POST leaves or comes back."""
        if request.method == "POST":
            form = await read_form(request)
            is_one_click = ONE_CLICK in {(name.lower(), value.strip().lower()) for name, value in form.items()}
            if form.get("return") == "1" and not is_one_click:
                done = await self._run(self.door.come_back, token.reader)
            else:
                how = LeftBy.ONE_CLICK if is_one_click else LeftBy.PAGE
                done = await self._run(self.door.leave, token.reader, how)
            if not done:
                raise GoneError
            # A mail program does not follow redirects (RFC 8058, 3.1); in a browser, reloading then repeats nothing.
            if not is_one_click:
                return self.pages.redirect(_last_part(request), 303)
        manage = self.keys.sign(LinkToken(Purpose.MANAGE, token.reader, token.expires))
        return self.pages.leave(await self._reader(token), manage)

    async def _manage(self, request: Request, token: LinkToken) -> Response:
        """Show the reports that the reader gets; POST switches one of them."""
        reader = await self._reader(token)
        reports = await self._run(self.door.reports, token.reader)
        if request.method != "POST":
            return self.pages.manage(reader, reports)
        form = await read_form(request)
        chosen, receives = form.get("report", ""), form.get("receives")
        if chosen not in {one.id for one in reports} or receives not in {"0", "1"}:
            raise GoneError
        if not await self._run(self.door.switch, token.reader, chosen, receives=receives == "1"):
            raise GoneError
        return self.pages.redirect(_last_part(request), 303)

    async def _reader(self, token: LinkToken) -> DoorReader:
        reader = await self._run(self.door.reader, token.reader)
        if reader is None:
            raise GoneError
        return reader

    async def _run(self, work: Callable[..., T], *values: Any, **options: Any) -> T:
        """Run blocking work in one of our threads."""
        future = self.threads.submit(work, *values, **options)
        return await asyncio.wait_for(asyncio.wrap_future(future), SECONDS)


def _last_part(request: Request) -> str:
    """The page itself as a relative address, which does not depend on what a proxy does with the path."""
    path: str = request.scope["path"]
    return path.rpartition("/")[2]
