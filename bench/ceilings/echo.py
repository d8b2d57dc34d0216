"""The ceiling of the load generator: a server that reads a request's head and length and answers a fixed 201.

It parses nothing else, so what it can be asked in a second is what the generator can ask. ``python -m
bench.ceilings.echo PORT`` listens until it is ended.
"""

from __future__ import annotations

import asyncio
import sys

from bench.load import length

ANSWER = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Echo(asyncio.Protocol):
    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        end = self._read.find(b"\r\n\r\n") + 4
        if end >= 4 and len(self._read) >= end + length(self._read[:end]):
            self._read = b""
            self._transport.write(ANSWER)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
