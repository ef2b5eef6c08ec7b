"""Run slow work, such as a preview, in few threads of its own, so that nobody else's requests wait for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from .responses import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class SlowWork:
    """A pool of threads for one kind of work, bounded per user and in all; what exceeds a bound is refused at once.

    The server's own threads, about forty, serve every route of Airflow as well: work that takes seconds would soon
    occupy all of them.
    """

    def __init__(self, *, noun: str, threads: int, waiting: int, per_user: int) -> None:
        """Allow *threads* at a time and *waiting* more; of one user *per_user*, waiting ones included."""
        self._noun = noun
        self._most, self._per_user = threads + waiting, per_user
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=noun.replace(" ", "-"))
        self._of_user: Counter[str] = Counter()
        self._lock = Lock()

    @property
    def under_way(self) -> int:
        """How much work is under way or waits."""
        return self._of_user.total()

    async def run(self, user: str, work: Callable[[], T]) -> T:
        """Return what *work* returns; 429 if too much of this kind is under way, of this user or in all."""
        self._admit(user)
        future: Future[T] = self._executor.submit(work)
        future.add_done_callback(lambda _: self._leave(user))
        return await asyncio.wrap_future(future)

    def _admit(self, user: str) -> None:
        with self._lock:
            if self._of_user[user] >= self._per_user:
                raise self._refusal("of yours ")
            if self._of_user.total() >= self._most:
                raise self._refusal("")
            self._of_user[user] += 1

    def _leave(self, user: str) -> None:
        with self._lock:
            self._of_user[user] -= 1
            self._of_user += Counter()  # forget users without work

    def _refusal(self, whose: str) -> ApiError:
        return ApiError(429, f"Too many {self._noun} {whose}are being created; try again in some seconds.")
