"""A MongoDB that costs next to nothing: every player of the game, from memory.

It speaks as much of MongoDB's wire protocol as the profile service's driver needs, so that
what is measured is the service and its driver, and no database.

    python -m benchmarks.servers.fake_mongo 27018
"""

import asyncio
import struct
import sys
from typing import Any, cast

import bson
from bson.int64 import Int64
from bson.raw_bson import RawBSONDocument

from benchmarks.workload import PLAYERS, player, player_id

_HEADER = struct.Struct("<iiii")
_OP_MSG = 2013
_BODY, _SEQUENCE = 0, 1

Document = dict[str, Any]

_HELLO: Document = {
    "isWritablePrimary": True,
    "maxBsonObjectSize": 16 * 1024 * 1024,
    "maxMessageSizeBytes": 48_000_000,
    "maxWriteBatchSize": 100_000,
    "minWireVersion": 0,
    "maxWireVersion": 21,
    "readOnly": False,
}


class FakeAnswers:
    """What is answered to a command."""

    def __init__(self) -> None:
        self._players = {
            player_id(number): RawBSONDocument(bson.encode(player(number)))
            for number in range(PLAYERS)
        }

    def answer(self, command: Document) -> Document:
        """Answer a command; an unknown one succeeds without effect."""
        match next(iter(command)):
            case "hello" | "isMaster" | "ismaster":
                return {**_HELLO, "ok": 1.0}
            case "find":
                found = self._found(command["filter"].get("player_id"))
                namespace = f"{command['$db']}.{command['find']}"
                cursor = {"firstBatch": found, "id": Int64(0), "ns": namespace}
                return {"cursor": cursor, "ok": 1.0}
            case "update":
                count = len(command["updates"])
                return {"n": count, "nModified": count, "ok": 1.0}
            case _:
                return {"ok": 1.0}

    def _found(self, wanted: Any) -> list[RawBSONDocument]:
        ids = wanted["$in"] if isinstance(wanted, dict) else [wanted]
        return [found for each in ids if (found := self._players.get(each)) is not None]


class FakeMongo(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, answers: FakeAnswers) -> None:
        self._answers = answers
        self._received = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every message that is complete."""
        self._received += data
        while len(self._received) >= _HEADER.size:
            length, request_id, _, op_code = _HEADER.unpack_from(self._received)
            if len(self._received) < length:
                return
            message = bytes(self._received[_HEADER.size : length])
            del self._received[:length]
            if op_code != _OP_MSG:
                self._transport.abort()
                return
            reply = bson.encode(self._answers.answer(_command(message)))
            size = _HEADER.size + 5 + len(reply)
            header = _HEADER.pack(size, 0, request_id, _OP_MSG)
            self._transport.write(b"".join((header, bytes(4), bytes([_BODY]), reply)))


def _command(message: bytes) -> Document:
    """Read the sections of an OP_MSG, after its flags, as one document."""
    command: Document = {}
    at = 4
    while at < len(message):
        kind, at = message[at], at + 1
        (length,) = struct.unpack_from("<i", message, at)
        section, at = message[at : at + length], at + length
        if kind == _BODY:
            command = bson.decode(section) | command
        elif kind == _SEQUENCE:
            name, _, documents = section[4:].partition(b"\0")
            command[name.decode()] = bson.decode_all(documents)
    return command


async def serve(port: int) -> None:
    """Serve until cancelled."""
    answers = FakeAnswers()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: FakeMongo(answers), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(int(sys.argv[1])))
