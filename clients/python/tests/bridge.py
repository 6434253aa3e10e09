"""The asyncio client behind blocking calls, so that one test says the same of both clients."""

from __future__ import annotations

import asyncio
import inspect
import unittest
from typing import Any

from vpath import AsyncClient, AsyncTurnStream, Client


class Bridge:
    """An AsyncClient, or a stream of it, whose calls block."""

    def __init__(self, loop: asyncio.AbstractEventLoop, inner: Any) -> None:
        self._loop = loop
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._inner, name)
        return self._blocking(member) if inspect.ismethod(member) else member

    def _blocking(self, method: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            value = method(*arguments, **named)
            if inspect.isawaitable(value):
                value = self._loop.run_until_complete(value)
            return Bridge(self._loop, value) if isinstance(value, AsyncTurnStream) else value

        return call

    def __iter__(self) -> Bridge:
        return self

    def __next__(self) -> Any:
        try:
            return self._loop.run_until_complete(self._inner.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def __enter__(self) -> Bridge:
        return self

    def __exit__(self, *problem: Any) -> None:
        self._inner.close()
        self._loop.run_until_complete(asyncio.sleep(0))


class Blocking:
    """Tests of the blocking client."""

    def client(self: Any, path: str, **options: Any) -> Any:
        client = Client(path, **options)
        self.addCleanup(client.close)
        return client


class Asyncio:
    """The same tests of the asyncio client."""

    def client(self: Any, path: str, **options: Any) -> Any:
        loop = asyncio.new_event_loop()
        client = Bridge(loop, AsyncClient(path, **options))
        self.addCleanup(loop.close)
        self.addCleanup(client.__exit__)
        return client


class Cases(unittest.TestCase):
    """A base of tests for both; subclasses mix in Blocking or Asyncio."""

    def client(self, path: str, **options: Any) -> Any:
        raise NotImplementedError

    def error(self, kind: type[BaseException], id: str, action: Any) -> Any:
        """The error an action ends with, by class and id."""
        with self.assertRaises(kind) as caught:
            action()
        found: Any = caught.exception
        self.assertIs(type(found), kind)
        self.assertEqual(found.id, id)
        return found
