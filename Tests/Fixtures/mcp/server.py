# A server built on the official MCP SDK, whichever of the pinned versions runs it: 1.30.0 speaks the older era, 2.3.0
# speaks 2026-07-28. One tool for each thing a tool may do.
import asyncio
import base64
from typing import Annotated, Any, TypedDict

from pydantic import BaseModel

try:
    from mcp.server.mcpserver import Context, Elicit, Image, MCPServer as Server, Resolve
except ImportError:
    Resolve = None
    from mcp.server.fastmcp import Context, FastMCP as Server, Image

server = Server("fixture")
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")


class Stain(BaseModel):
    stain: str


class Counted(TypedDict):
    count: int
    area: float


def told(ctx: Context) -> dict:
    """What the host sent beside the arguments."""
    meta = ctx.request_context.meta
    meta = meta if isinstance(meta, dict) else meta.model_dump(by_alias=True)
    return meta["org.vpath/input"]


@server.tool()
def measured(region: str, ctx: Context) -> dict[str, Any]:
    """Gives evidence by the host's contract, from the picture that the host rendered."""
    view = told(ctx)["views"][0]
    with open(view["path"], "rb") as file:
        assert file.readline().strip() == b"P6"
        width, height = map(int, file.readline().split())
    return {"evidence": [
        {"kind": "measurement", "name": "stained area", "unit": "%", "value": 100.0 * width / (width + height)}]}


@server.tool()
def counted(region: str) -> Counted:
    """An ordinary tool with structured output and an output schema of its own."""
    return {"count": 7, "area": 0.5}


@server.tool()
def named(word: str) -> str:
    """An ordinary tool that gives text."""
    return f"It is {word}."


@server.tool()
def pictured() -> Image:
    """An ordinary tool that gives a picture."""
    return Image(data=PIXEL, format="png")


@server.tool()
async def slow(ctx: Context) -> str:
    """Tells its progress, then waits until it is cancelled."""
    await ctx.report_progress(1, 4, "begun")
    with open(told(ctx)["scratch"] + "/begun", "w") as file:
        file.write("1")
    await asyncio.sleep(3600)
    return "never"


@server.tool()
async def steps(ctx: Context) -> str:
    """Tells its progress and ends."""
    for step in range(4):
        await ctx.report_progress(step + 1, 4, f"step {step + 1}")
    return "done"


@server.tool()
def broken() -> str:
    """Fails."""
    raise ValueError("the stain is not known")


@server.tool()
async def asks(what: str, ctx: Context) -> str:
    """Asks for what this host gives no tool."""
    if what == "sampling/createMessage":
        from mcp.types import SamplingMessage, TextContent
        await ctx.session.create_message(
            messages=[SamplingMessage(role="user", content=TextContent(type="text", text="hello"))], max_tokens=10)
    elif what == "elicitation/create":
        await ctx.elicit(message="Which stain is it?", schema=Stain)
    else:
        await ctx.session.list_roots()
    return "it was given"


if Resolve is not None:
    async def stain_of(ctx: Context) -> Elicit[Stain]:
        return Elicit(message="Which stain is it?", schema=Stain)

    @server.tool()
    async def wonders(stain: Annotated[Stain, Resolve(stain_of)]) -> str:
        """Asks the user as 2026-07-28 has it: by a result that wants input."""
        return stain.stain


@server.tool()
async def grows(ctx: Context) -> str:
    """Adds a tool while it runs, and says so."""
    server.add_tool(lambda: "new", name="newcomer", description="Was not there before.")
    if hasattr(ctx.session, "send_tool_list_changed"):
        await ctx.session.send_tool_list_changed()
    return "grown"


if __name__ == "__main__":
    server.run("stdio")
