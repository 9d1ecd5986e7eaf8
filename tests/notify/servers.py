"""Servers on this machine that behave as they are told: soundly, or like a bad network.

Of HTTP, and of anything else that speaks over TCP.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.notify.services import Request, Service


class Fault(Enum):
    """What the other side does instead of answering."""

    SILENT = "takes all and says nothing"
    DRIPPING = "answers one byte at a time, for ever"
    HALF_CLOSED = "closes its side in the middle of an answer"
    RESETTING = "resets the connection"
    GARBLED = "speaks another protocol"


@dataclass
class Line:
    """How a server answers, which a test may change at any time; None: as it should."""

    fault: Fault | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ends: bool = True
    """Whether the body that was promised comes to an end."""
    connections: int = 0
    requests: list[Request] = field(default_factory=list)

    def heal(self) -> None:
        self.fault = self.status = None


@asynccontextmanager
async def http_server(
    service: Service, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, Line]]:
    """A server of HTTP/1.1 on this machine; gives its URL and how it answers."""
    line = Line()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _read_request(reader)
        line.requests.append(request)
        headers = dict(line.headers)
        status, body = line.status, line.body
        if status is None:
            status, body = service.answer(request)
        length = len(body) if line.ends else 10**9
        lines = [f"HTTP/1.1 {status} Some words", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()
        if not line.ends:
            await reader.read()

    async with listening(serve, line, b"HTTP/1.1 20", tls) as port:
        scheme = "http" if tls is None else "https"
        yield f"{scheme}://127.0.0.1:{port}", line


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (text.partition(":") for text in head[1:] if text)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(head[0].split(" ")[1], headers, body)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@asynccontextmanager
async def listening(
    serve: Serve, line: Line, beginning: bytes, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A TCP server that behaves as `line` says; gives its port.

    Its faults begin before a byte is read, so that they fit any protocol.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            if line.fault is None:
                await serve(reader, writer)
            else:
                await _misbehave(line.fault, reader, writer, beginning)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The receiver has left, or the test is over.
            writer.transport.abort()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            tasks.discard(task)

    server = await asyncio.start_server(attend, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await all_closed(server)


async def all_closed(server: Any) -> None:
    """Wait for every connection, also one whose handshake failed.

    Before Python 3.12 a closed server's own ``wait_closed`` waits for nothing; uvloop's does.
    """
    await server.wait_closed()
    async with asyncio.timeout(30):
        while getattr(server, "_active_count", 0):  # noqa: ASYNC110 - nothing tells of its change
            await asyncio.sleep(0.001)


async def _misbehave(
    fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, beginning: bytes
) -> None:
    match fault:
        case Fault.SILENT:
            await asyncio.sleep(3600)
        case Fault.DRIPPING:
            while True:
                for byte in beginning + b"0 " * 1000:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.02)
        case Fault.HALF_CLOSED:
            writer.write(beginning)
            writer.write_eof()
            await reader.read()
        case Fault.RESETTING:
            writer.transport.abort()
        case Fault.GARBLED:
            writer.write(b"\x15\x03\x03\x00\x02\x02\x46\r\n\r\n")
            await writer.drain()
            await reader.read()
