"""The gate: who may connect, and what becomes of those who may not. Real sockets, from addresses of 127.0.0.0/8."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

import pytest
import trustme

from mailsac import gate as gate_module
from mailsac.config import Limits
from mailsac.gate import Door, Gate, Slot
from mailsac.telemetry import Metrics

BOUND_S: Final = 20.0
HOLD_S: Final = 0.1
STRANGERS: Final = Limits(exempt_networks=())
pytestmark = pytest.mark.each_loop
Connected = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Listed:
    """A deny list that a test changes."""

    def __init__(self) -> None:
        self.ips = set[str]()

    def blocks_ip(self, ip: str) -> bool:
        return ip in self.ips


class Echo(asyncio.Protocol):
    """What a listener might make: greets, and sends back what it gets."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport) or hasattr(transport, "write")
        self.transport = transport
        transport.write(b"hello\n")

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.slot.release()


class Rig:
    """One gate with one door, and clients."""

    def __init__(self, gate: Gate, door: Door, listed: Listed, stack: AsyncExitStack) -> None:
        self.gate, self.door, self.listed = gate, door, listed
        self._stack = stack
        self.port = 0

    async def connect(self, source: str, tls: ssl.SSLContext | None = None) -> Connected:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1",
            self.port,
            local_addr=(source, 0),
            ssl=tls,
            server_hostname="localhost" if tls else None,
        )
        self._stack.callback(writer.close)
        return reader, writer

    async def line(self, source: str) -> bytes:
        """The first that a new connection is told; it stays open."""
        reader, _ = await self.connect(source)
        async with asyncio.timeout(BOUND_S):
            return await reader.readline()


@asynccontextmanager
async def opened(
    limits: Limits = STRANGERS,
    *,
    max_open: int = 500,
    per_address: int = 0,
    per_minute: int = 0,
    proxies: tuple[str, ...] = (),
    hold_s: float = HOLD_S,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Rig]:
    listed = Listed()
    gate = Gate(
        limits,
        deny_list=listed,
        metrics=Metrics(),
        proxy_networks=proxies,
        time_scale=hold_s / gate_module.HOLD_S,
    )
    door = Door(
        gate,
        "test",
        max_open=max_open,
        per_address=per_address,
        per_minute=per_minute,
        words=lambda refusal: f"{refusal.__name__}\n".encode(),
        gives_way=True,
    )
    async with AsyncExitStack() as stack:
        rig = Rig(gate, door, listed, stack)
        listener = await door.listen(Echo, "127.0.0.1", 0, tls=tls)
        stack.callback(listener.close)
        rig.port = listener.sockets[0].getsockname()[1]
        yield rig


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.check("C-94")
async def test_an_address_has_so_many_slots_and_its_neighbours_thrice_and_nine_times_as_many() -> None:
    async with opened(per_address=1) as rig:
        assert await rig.line("127.0.0.2") == b"hello\n"
        assert await rig.line("127.0.0.2") == b"TooManyConnections\n"
        assert [await rig.line(f"127.0.0.{number}") for number in (3, 4)] == [b"hello\n"] * 2
        assert await rig.line("127.0.0.5") == b"TooManyConnections\n"  # the /26 has its three
        others = [await rig.line(f"127.0.{number}.{64 * part + 1}") for number in (1, 2) for part in range(3)]
        assert others == [b"hello\n"] * 6
        assert await rig.line("127.0.3.1") == b"TooManyConnections\n"  # and the /21 its nine
        assert await rig.line("127.0.8.1") == b"hello\n"
        assert rig.door.open == 10


async def test_a_slot_is_free_when_its_connection_has_ended() -> None:
    async with opened(per_address=1) as rig:
        for _ in range(3):
            reader, writer = await rig.connect("127.0.0.2")
            assert await reader.readline() == b"hello\n"
            writer.write(b"more\n")
            assert await reader.readline() == b"more\n"
            assert [slot.client_ip for slot in rig.gate.open] == ["127.0.0.2"]
            writer.close()
            await until(lambda: rig.door.open == 0)
        assert not rig.gate.open


async def test_exempt_networks_have_no_limit_but_that_of_the_listener_and_wait_for_no_answer() -> None:
    async with opened(Limits(), per_address=1, per_minute=1, max_open=3, hold_s=1000) as rig:
        assert [await rig.line("127.0.0.2") for _ in range(4)] == [b"hello\n"] * 3 + [b"TooManySessions\n"]


async def test_who_is_refused_is_held_silent_first() -> None:
    async with opened(per_address=1, hold_s=0.5) as rig:
        await rig.line("127.0.0.2")
        began = asyncio.get_running_loop().time()
        reader, writer = await rig.connect("127.0.0.2")
        writer.write(b"x" * 100_000)
        assert await reader.read() == b"TooManyConnections\n"
        assert asyncio.get_running_loop().time() - began >= 0.3
        assert rig.gate.metrics.registry.get_sample_value("mailsac_gate_held_connections") == 0


async def test_so_many_are_held_and_the_oldest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "MAX_HELD", 2)
    async with opened(per_address=1, hold_s=1000) as rig:
        await rig.line("127.0.0.2")
        refused = [await rig.connect("127.0.0.2") for _ in range(3)]
        assert await refused[0][0].read() == b"TooManyConnections\n"
        held = rig.gate.metrics.registry.get_sample_value
        assert held("mailsac_gate_held_connections") == 2
        refused[1][1].close()  # who goes by himself makes room as well
        await until(lambda: held("mailsac_gate_held_connections") == 1)


async def test_connections_in_a_minute_are_counted_though_they_end() -> None:
    async with opened(per_minute=2) as rig:
        for answer in (b"hello\n", b"hello\n", b"TooManyConnections\n"):
            reader, writer = await rig.connect("127.0.0.2")
            assert await reader.readline() == answer
            writer.close()
        await until(lambda: rig.door.open == 0)
        assert await rig.line("127.0.0.3") == b"hello\n"


async def test_the_deny_list_comes_first_and_ends_sessions_that_are_open() -> None:
    async with opened() as rig:
        reader, _ = await rig.connect("127.0.0.2")
        assert await reader.readline() == b"hello\n"
        other, writer = await rig.connect("127.0.0.3")
        assert await other.readline() == b"hello\n"
        rig.listed.ips.add("127.0.0.2")
        assert rig.gate.close_blocked() == 1
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        assert await rig.line("127.0.0.2") == b"NetworkBlocked\n"
        writer.write(b"still\n")
        assert await other.readline() == b"still\n"


async def test_a_proxy_has_no_limit_and_its_clients_have_theirs() -> None:
    async with opened(per_address=1, proxies=("127.0.0.2/32",)) as rig:
        assert [await rig.line("127.0.0.2") for _ in range(3)] == [b"hello\n"] * 3
        first, second, third = rig.gate.open
        assert first.client_is("192.0.2.1") is None
        assert second.client_is("192.0.2.1") is not None
        assert second.client_is("198.51.100.1") is None
        assert {slot.client_ip for slot in rig.gate.open} == {"192.0.2.1", "198.51.100.1", "127.0.0.2"}
        rig.listed.ips.add("198.51.100.1")
        assert rig.gate.close_blocked() == 1
        third.release()
        third.release()
        await until(lambda: rig.door.open == 1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


async def test_inside_implicit_tls_a_handshake_takes_a_slot_and_gives_it_back(authority: trustme.CA) -> None:
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    async with opened(per_address=1, tls=server, hold_s=1.0) as rig:
        reader, writer = await rig.connect("127.0.0.2", client)
        assert await reader.readline() == b"hello\n"
        writer.write(b"more\n")
        assert await reader.readline() == b"more\n"
        writer.close()
        await until(lambda: rig.door.open == 0)

        reader, writer = await rig.connect("127.0.0.2")
        await until(lambda: rig.door.open == 1)
        refused, _ = await rig.connect("127.0.0.2")
        assert await refused.read() == b""  # in plain nothing is said there
        writer.write(b"no ClientHello\r\n" * 100)
        await until(lambda: rig.door.open == 0)

        reader, writer = await rig.connect("127.0.0.2")
        await until(lambda: rig.door.open == 1)
        rig.listed.ips.add("127.0.0.2")
        assert rig.gate.close_blocked() == 1  # also in the middle of a handshake
        await until(lambda: rig.door.open == 0)


async def test_stress_halves_the_bounds_of_strangers() -> None:
    async with opened(per_address=4, max_open=4) as rig:
        rig.gate.stress.level = 1
        assert [await rig.line("127.0.0.2") for _ in range(2)] == [b"hello\n"] * 2
        assert await rig.line("127.0.0.2") == b"TooManyConnections\n"
        assert await rig.line("127.0.8.2") == b"hello\n"
        rig.gate.stress.level = 0
        assert [await rig.line("127.0.0.2") for _ in range(2)] == [b"hello\n", b"TooManySessions\n"]


async def test_sockets_leave_descriptors_for_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is held makes room for somebody who is let in."""
    monkeypatch.setattr(gate_module, "SPARE_FILES", 1 << 30)
    monkeypatch.setattr(gate_module, "FEWEST_SOCKETS", 3)
    async with opened(per_address=1, hold_s=1000) as rig:
        assert await rig.line("127.0.0.2") == b"hello\n"
        held = [await rig.connect("127.0.0.2") for _ in range(2)]
        assert await rig.line("127.0.1.2") == b"hello\n"
        assert await held[0][0].read() == b"TooManyConnections\n"
        assert await rig.line("127.0.2.2") == b"hello\n"
        assert await held[1][0].read() == b"TooManyConnections\n"
        await rig.connect("127.0.3.2")
        await until(lambda: rig.gate.metrics.registry.get_sample_value("mailsac_gate_held_connections") == 1)
        assert rig.door.open == 3


async def test_a_door_that_is_closed_lets_nobody_in() -> None:
    async with opened() as rig:
        rig.door.close()
        assert await rig.line("127.0.0.2") == b"TooManySessions\n"
