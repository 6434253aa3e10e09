"""The asyncio client: the same calls as the blocking one, each to be awaited."""

from .client import AsyncClient
from .stream import AsyncTurnStream

__all__ = ["AsyncClient", "AsyncTurnStream"]
