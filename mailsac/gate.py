"""The gate in front of the listeners: who may connect, asked before anything is made for a connection.

In this order: the deny list, open connections of the network, their rate, all connections of the listener, file
descriptors. Exempt networks and trusted proxies are asked for the last two only. Who is let in is handed over to the
protocol of the listener, with a Slot. Who is not is held for a few seconds without a word, which costs no time here and
keeps whoever would connect again at once; then it is told why.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import resource
import socket
import ssl
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TypeAlias, cast

from mailsac.config import Limits
from mailsac.errors import MailsacError, NetworkBlocked, TooManyConnections, TooManySessions
from mailsac.limits import Buckets, ClientNetworks, Networks, Slots, client_address, networks_of
from mailsac.stress import Stress
from mailsac.telemetry import Metrics
from mailsac.traffic import Traffic

log = logging.getLogger(__name__)

# Times in seconds, before testing.time_scale.
HOLD_S: Final = 5.0
TLS_HANDSHAKE_S: Final = 10.0
TLS_CLOSE_S: Final = 5.0
MAX_HELD: Final = 1000  # then the one that was held longest is told at once
BACKLOG: Final = 512
SPARE_FILES: Final = 32  # descriptors that sockets leave to files …
FEWEST_SOCKETS: Final = 8  # … but so many sockets there may always be

Refusal: TypeAlias = type[MailsacError]


class DenyList(Protocol):
    """Whom the operator refuses. Raises ValueError for what is no IP address."""

    def blocks_ip(self, ip: str) -> bool: ...


class Gate:
    """What the doors of all listeners share: exempt networks, the deny list, those who are held, file descriptors."""

    def __init__(
        self,
        limits: Limits,
        *,
        deny_list: DenyList,
        metrics: Metrics,
        proxy_networks: tuple[str, ...] = (),
        time_scale: float = 1.0,
    ) -> None:
        """`proxy_networks` are smtp.proxy_networks: who connects from there speaks for others."""
        self.limits = limits
        self.deny_list = deny_list
        self.metrics = metrics
        self.time_scale = time_scale
        self.stress = Stress(metrics)
        self.traffic = Traffic()
        self.open: set[Slot] = set()
        self.client = lru_cache(maxsize=4096)(self._client)
        self._unlimited = Networks((*limits.exempt_networks, *proxy_networks))
        self._held: dict[_Held, None] = {}
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        sockets = files - len(list(Path("/dev/fd").iterdir())) - SPARE_FILES
        self._max_sockets = sys.maxsize if files == resource.RLIM_INFINITY else max(sockets, FEWEST_SOCKETS)
        metrics.gate_held.set_function(lambda: len(self._held))

    def close_blocked(self) -> int:
        """Cut off every connection whose client is on the deny list by now; returns how many."""
        strangers = (slot for slot in self.open if slot.networks is not None)
        blocked = [slot for slot in strangers if self.deny_list.blocks_ip(slot.client_ip)]
        for slot in blocked:
            log.warning("gate.cut_off", extra={"listener": slot.listener, "client_ip": slot.client_ip})
            slot.abort()
        return len(blocked)

    def has_descriptor(self) -> bool:
        """Whether there is one for one more connection; somebody who is held makes room."""
        if len(self.open) + len(self._held) > self._max_sockets and self._held:
            next(iter(self._held)).dismiss()
        return len(self.open) + len(self._held) <= self._max_sockets

    def hold(self, transport: asyncio.Transport, words: bytes) -> None:
        """Say nothing for a while, then that, and close."""
        is_full = len(self.open) + len(self._held) >= self._max_sockets
        if len(self._held) >= MAX_HELD or (is_full and self._held):
            next(iter(self._held)).dismiss()
        self._held[_Held(self, transport, words)] = None

    def forget(self, held: _Held) -> None:
        """That one is held no longer."""
        self._held.pop(held, None)

    def _client(self, text: str) -> _Client:
        networks = None if text in self._unlimited else networks_of(text)
        return _Client(str(client_address(text)), networks)


class _Client(NamedTuple):
    ip: str  # of IPv4 in dotted form also where it came in an IPv6 socket
    networks: ClientNetworks | None  # None where it is not limited


class Door:
    """The way into one listener."""

    def __init__(
        self,
        gate: Gate,
        listener: str,
        *,
        max_open: int,
        per_address: int,
        per_minute: int,
        words: Callable[[Refusal], bytes],
        gives_way: bool = False,
    ) -> None:
        """Connections: most in all, most of one address, new ones of one address in a minute (0: any number).

        `words` is what the listener tells those who are refused; `gives_way` says that stress halves the second.
        """
        self.gate = gate
        self.listener = listener
        self.slots = Slots(per_address)
        self.arrivals = Buckets(per_minute / 60, per_minute)
        self.open = 0
        self._max_open = max_open
        self._words = words
        self._gives_way = gives_way
        self._handshakes: set[asyncio.Task[None]] = set()
        self._refused = gate.metrics.gate_refused

    async def listen(
        self,
        connect: Callable[[Slot], asyncio.BaseProtocol],
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> asyncio.Server:
        """Open a port, with `tls` one of implicit TLS. Raises OSError where it is taken.

        `connect` makes the protocol of a connection, which releases the slot when it is over.
        """
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: _Arrival(self, connect, tls), host, port, backlog=BACKLOG)

    def close(self) -> None:
        """Let nobody in any more."""
        self._max_open = 0
        for handshake in self._handshakes:
            handshake.cancel()

    @property
    def divisor(self) -> int:
        """How many times smaller the bounds of networks are now."""
        return self.gate.stress.divisor if self._gives_way else 1

    def enter(self, slot: Slot, client_ip: str) -> Refusal | None:
        """Give the client a place, or say why not."""
        refusal = slot.client_is(client_ip)
        if refusal is not None:
            return refusal
        return TooManySessions if self.open > self._max_open or not self.gate.has_descriptor() else None

    def turn_away(self, transport: asyncio.Transport, client: _Client, refusal: Refusal, *, tls: bool) -> None:
        """Close a connection with the reason, to which inside TLS nobody listens; strangers wait for it."""
        self._refused.labels(self.listener, refusal.__name__).inc()
        self.gate.traffic.refused(client.ip)
        log.warning(
            "gate.refused", extra={"listener": self.listener, "client_ip": client.ip, "reason": refusal.__name__}
        )
        words = b"" if tls else self._words(refusal)
        if client.networks is None:
            transport.write(words)
            transport.close()
        else:
            self.gate.hold(transport, words)

    def shake_hands(
        self, transport: asyncio.Transport, slot: Slot, protocol: asyncio.BaseProtocol, tls: ssl.SSLContext
    ) -> None:
        """Begin TLS and hand the connection over behind it."""
        # uvloop reads as soon as connection_made returns, and start_tls would come too late for the ClientHello. What
        # create_server(ssl=…) would do, with the handshake in a slot.
        client = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        transport.abort()
        handshake = asyncio.create_task(self._shake_hands(client, slot, protocol, tls))
        slot.abort = handshake.cancel
        self._handshakes.add(handshake)
        handshake.add_done_callback(self._handshakes.discard)

    async def _shake_hands(
        self, client: socket.socket, slot: Slot, protocol: asyncio.BaseProtocol, tls: ssl.SSLContext
    ) -> None:
        time_scale = self.gate.time_scale
        try:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol,
                client,
                ssl=tls,
                ssl_handshake_timeout=TLS_HANDSHAKE_S * time_scale,
                ssl_shutdown_timeout=TLS_CLOSE_S * time_scale,
            )
            slot.abort = transport.abort
        except OSError as error:  # ssl.SSLError, a reset and the time-out are all of this kind
            slot.release()
            log.info(
                "gate.tls_failed",
                extra={"listener": self.listener, "client_ip": slot.client_ip, "reason": type(error).__name__},
            )
        except asyncio.CancelledError:
            slot.release()
            client.close()
            raise


class Slot:
    """The place of one connection: who its client is, and that it counts, until `release`."""

    __slots__ = ("_door", "abort", "client_ip", "networks")

    def __init__(self, door: Door, abort: Callable[[], object]) -> None:
        self.client_ip = ""
        self.abort = abort  # cuts the connection off
        self._door = door
        self.networks: ClientNetworks | None = None  # those that it counts for; None where there is no limit
        door.open += 1
        door.gate.open.add(self)

    @property
    def listener(self) -> str:
        """Whose it is: smtp, pop3 or http."""
        return self._door.listener

    def client_is(self, client_ip: str) -> Refusal | None:
        """Count the connection for that client; where that must not be, why. Again after a PROXY header."""
        door = self._door
        self._leave_networks()
        self.client_ip, networks = door.gate.client(client_ip)
        door.gate.traffic.connected(self.client_ip)
        if networks is None:
            return None
        if door.gate.deny_list.blocks_ip(self.client_ip):
            return NetworkBlocked
        if not door.slots.take(networks, divisor=door.divisor):
            return TooManyConnections
        self.networks = networks
        return None if door.arrivals.take(networks) else TooManyConnections

    def release(self) -> None:
        """The connection is over. May be called again."""
        if self in self._door.gate.open:
            self._door.gate.open.remove(self)
            self._door.open -= 1
            self._leave_networks()

    def _leave_networks(self) -> None:
        if self.networks is not None:
            self._door.slots.give_back(self.networks)
            self.networks = None


class _Arrival(asyncio.Protocol):
    """A connection of which nothing is known yet."""

    def __init__(self, door: Door, connect: Callable[[Slot], asyncio.BaseProtocol], tls: ssl.SSLContext | None) -> None:
        self._door, self._connect, self._tls = door, connect, tls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        peer = transport.get_extra_info("peername")
        if peer is None:  # gone already
            transport.abort()
            return
        slot = Slot(self._door, transport.abort)
        refusal = self._door.enter(slot, peer[0])
        if refusal is not None:
            slot.release()
            self._door.turn_away(transport, self._door.gate.client(peer[0]), refusal, tls=self._tls is not None)
            return
        protocol = self._connect(slot)
        if self._tls is not None:
            self._door.shake_hands(transport, slot, protocol, self._tls)
            return
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


class _Held(asyncio.Protocol):
    """A connection that is told nothing until its time is over."""

    def __init__(self, gate: Gate, transport: asyncio.Transport, words: bytes) -> None:
        self._gate, self._transport, self._words = gate, transport, words
        transport.set_protocol(self)
        # Each for another time: those who came together shall not come back together.
        hold_s = HOLD_S * gate.time_scale * random.uniform(0.75, 1.25)  # noqa: S311
        self._timer = asyncio.get_running_loop().call_later(hold_s, self.dismiss)

    def data_received(self, data: bytes) -> None:
        """Read what has come, since closing with input unread would be a reset; and no more than that."""
        self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._gate.forget(self)

    def dismiss(self) -> None:
        """Tell it, and close."""
        self._timer.cancel()
        self._gate.forget(self)
        self._transport.write(self._words)
        self._transport.close()
