# The official MCP SDK's client against `vpath mcp`: python client.py VPATH SOCKET SLIDE [legacy]. Prints one JSON object
# of what it met. Works with both pinned versions: 1.30.0 knows the older era alone; 2.3.0 finds 2026-07-28 by probing,
# and is held to the older one with `legacy`.
import asyncio
import contextlib
import json
import sys

from mcp import StdioServerParameters

try:
    from mcp import Client
except ImportError:
    Client = None
    from mcp import ClientSession
    from mcp.client.stdio import stdio_client

vpath, socket, slide = sys.argv[1:4]
server = StdioServerParameters(command=vpath, args=["mcp", "--socket", socket])


@contextlib.asynccontextmanager
async def connected():
    if Client is None:
        async with stdio_client(server) as (read, write):
            async with ClientSession(read, write) as session:
                result = await session.initialize()
                yield session, result.protocolVersion
    else:
        async with Client(server, mode="legacy" if "legacy" in sys.argv[4:] else "auto") as client:
            yield client, client.protocol_version


def plain(result):
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


async def cancelled_question(client, case_id):
    """Begins a question, cancels it at its first note, and says whether a note came."""
    begun = asyncio.Event()

    async def progress(*_):
        begun.set()

    arguments = {"case": case_id, "question": "Where is this tissue most cellular?"}
    call = asyncio.ensure_future(client.call_tool("ask_case", arguments, progress_callback=progress))
    await asyncio.wait_for(begun.wait(), 60)
    if Client is None:
        from mcp.types import CancelledNotification, CancelledNotificationParams, ClientNotification
        params = CancelledNotificationParams(requestId=client._request_id - 1, reason="changed my mind")
        await client.send_notification(
            ClientNotification(CancelledNotification(method="notifications/cancelled", params=params)))
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call


async def main():
    met = {}
    async with connected() as (client, version):
        met["version"] = version
        tools = plain(await client.list_tools())["tools"]
        met["tools"] = [tool["name"] for tool in tools]
        opened = plain(await client.call_tool("open_case", {"slides": [slide], "organ": "skin", "stain": "H&E"}))
        met["opened"] = opened
        case_id = opened["structuredContent"]["case"]
        notes = []

        async def progress(done, total, message):
            notes.append([done, total, message])

        met["asked"] = plain(await client.call_tool(
            "ask_case", {"case": case_id, "question": "How many nuclei per mm² are there?"},
            progress_callback=progress))
        met["notes"] = notes
        met["overview"] = plain(await client.call_tool("slide_overview", {"case": case_id, "slide": "s1"}))
        met["refused"] = plain(await client.call_tool("ask_case", {"case": "case-none", "question": "How many?"}))
        try:
            met["unknown"] = plain(await client.call_tool("divine", {}))
        except Exception as error:  # the SDK's own error type differs between its versions
            met["unknown"] = {"raised": str(error)}
        await cancelled_question(client, case_id)
        met["after"] = plain(await client.call_tool("list_cases", {}))
    print(json.dumps(met))


asyncio.run(main())
