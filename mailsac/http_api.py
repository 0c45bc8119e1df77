"""The HTTP API: the rules that hold for all routes, and the listener.

Around every handler stand, outermost first: access log and request id, errors to JSON, Host, Origin, body, caller.
A handler therefore sees a request of an allowed host and page, with a decoded body of bounded size and a principal;
what it raises becomes the error object of the API, with fixed texts only.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from mailsac.accounts import Accounts, Principal
from mailsac.address import Address, canonical_domain
from mailsac.administration import Administration
from mailsac.api import request as asked
from mailsac.api.account import Activities, CallerAccount
from mailsac.api.activity import Activity
from mailsac.api.addresses import Addresses
from mailsac.api.admin import Admin
from mailsac.api.attachments import Attachments
from mailsac.api.block import Block
from mailsac.api.bodies import Bodies
from mailsac.api.claims import Claims
from mailsac.api.documentation import DocumentationPages
from mailsac.api.domains import Domains
from mailsac.api.event_stream import EventStream
from mailsac.api.guard import (
    DEFAULT_HEADERS,
    POLICY,
    PREFLIGHT_HEADERS,
    SAFE_METHODS,
    cors_headers,
    host_allowed,
    origin_allowed,
)
from mailsac.api.inbox import Inbox
from mailsac.api.injection import RFC822, Injection
from mailsac.api.messages import Messages
from mailsac.api.one_value import OneValue
from mailsac.api.openapi import Description
from mailsac.api.operation import Operation
from mailsac.api.outgoing import OutgoingMessages
from mailsac.api.pages import Pages
from mailsac.api.protocol import Connection, refuse
from mailsac.api.refusals import HostNotAllowed, MessageHidden, OriginNotAllowed
from mailsac.api.response import JSON, error_body
from mailsac.api.route import Handler, Route
from mailsac.api.routes import Handlers, route_table
from mailsac.api.search import Search
from mailsac.api.statistics import Statistics
from mailsac.api.status import StatusPage
from mailsac.api.stream import Stream
from mailsac.api.validations import Validations
from mailsac.api.waiting import Waiting
from mailsac.api.webhooks import WebhookLog
from mailsac.blocking import Blocking
from mailsac.budget import OctetBudget
from mailsac.clock import Clock
from mailsac.config import Auth, Http, Retention, Smtp
from mailsac.errors import (
    InvalidRequest,
    MailsacError,
    MessageNotFound,
    NotAuthenticated,
    NotPermitted,
    Overloaded,
)
from mailsac.gate import Door, Gate
from mailsac.inbound import Inbound
from mailsac.index import MessageIndex
from mailsac.indexer import Indexer, SearchTable
from mailsac.leases import Leases
from mailsac.limits import AuthFailures
from mailsac.mail_ports import MailPorts
from mailsac.outbound import Outbound
from mailsac.routing import Routing
from mailsac.status_view import StatusView
from mailsac.store import MailStore
from mailsac.telemetry import Metrics
from mailsac.webhooks import Webhooks

log: Final = logging.getLogger("mailsac.http")

BODY_TIMEOUT_S: Final = 30.0  # for the whole request body
LARGE_TIMEOUT_S: Final = 300.0  # for one that holds a message
ROOM_WAIT_S: Final = 5.0  # for room in memory for it
LARGE_COPIES: Final = 4  # of it in memory, while a message is made of it
MAX_HELD_OCTETS: Final = 256 * 1024 * 1024  # of large messages that are being rendered, copies counted
RETRY_AFTER_S: Final = 5
FLUSH_S: Final = 0.5  # at the end, for answers that are written and not yet sent; aiohttp waits twice so long
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})  # others count as one


class HttpServer:
    """The HTTP listener."""

    def __init__(
        self,
        config: Http,
        *,
        store: MailStore,
        accounts: Accounts,
        index: MessageIndex,
        search: SearchTable,
        indexer: Indexer,
        routing: Routing,
        webhooks: Webhooks,
        outbound: Outbound,
        max_recipients: int,
        auth: Auth,
        retention: Retention,
        metrics: Metrics,
        inbound: Inbound,
        smtp: Smtp,
        data_budget: OctetBudget,
        require_acceptable: Callable[[Address], None],
        failures: AuthFailures,
        gate: Gate,
        blocking: Blocking,
        leases: Leases,
        clock: Clock,
        time_scale: float = 1.0,
        is_degraded: Callable[[], bool] | None = None,
        status: Callable[[], Awaitable[StatusView]],
    ) -> None:
        """`is_degraded` says whether answers may lack something, because the database is away.

        `data_budget` and `require_acceptable` are those of SMTP, `max_recipients` is outbound.max_recipients.
        """
        self._config = config
        self._max_message_bytes = smtp.max_message_bytes
        self._max_large_bytes = smtp.max_message_bytes * 4 // 3 + asked.MAX_BODY_BYTES
        self._data_budget = data_budget
        self._is_degraded = is_degraded
        self._accounts = accounts
        self._failures = failures
        self._metrics = metrics
        self._time_scale = time_scale
        self._allowed_hosts = frozenset(host.lower() for host in config.allowed_hosts)
        memory = OctetBudget(MAX_HELD_OCTETS)
        self._operation = Operation(store, metrics, inbound.refuse_reason, spools=is_degraded is not None)
        cors_origins = config.cors_origins
        self._pages = Pages()
        self._documentation = DocumentationPages(needs_key=auth.mode == "keys")
        self._stream = Stream(store, accounts, failures, memory, cors_origins=cors_origins, time_scale=time_scale)
        self._waiting = Waiting(
            store,
            accounts,
            index,
            memory,
            wait_max_s=config.wait_max_s,
            max_waiting=max(1, config.max_connections // 2),
            is_degraded=is_degraded,
        )
        self._claims = Claims(store, accounts, self._waiting, leases, clock, time_scale=time_scale)
        self._event_stream = EventStream(
            store, accounts, index, routing, time_scale=time_scale, is_degraded=is_degraded
        )
        self._activities = Activities()
        addresses = Addresses(store, accounts, routing)
        bodies = Bodies(store, accounts, memory, time_scale)
        attachments = Attachments(store, accounts, memory, time_scale)
        description = Description()
        self.routes = route_table(
            Handlers(
                addresses=addresses,
                webhooks=WebhookLog(accounts, webhooks),
                messages=Messages(store, accounts, self._activities, self._waiting),
                waiting=self._waiting,
                claims=self._claims,
                injection=Injection(
                    inbound,
                    accounts,
                    smtp,
                    blocking.blocklist,
                    budget=data_budget,
                    require_acceptable=require_acceptable,
                    time_scale=time_scale,
                ),
                outgoing=OutgoingMessages(
                    outbound, store, accounts, max_recipients=max_recipients, hostname=smtp.hostname
                ),
                one_value=OneValue(store, accounts, self._waiting, bodies),
                bodies=bodies,
                attachments=attachments,
                inbox=Inbox(accounts, index),
                search=Search(store, accounts, index, search, indexer),
                domains=Domains(store, accounts, index, addresses),
                account=CallerAccount(accounts, index, self._activities, auth=auth, retention=retention),
                statistics=Statistics(accounts, index, attachments, blocking.blocklist),
                validations=Validations(frozenset(map(canonical_domain, config.disposable_domains))),
                admin=Admin(Administration(accounts), Activity(index, webhooks)),
                block=Block(blocking),
                stream=self._stream,
                event_stream=self._event_stream,
                operation=self._operation,
                pages=self._pages,
                documentation=self._documentation,
                status=StatusPage(status),
                description=description,
            )
        )
        description.routes = self._documentation.routes = self.routes
        self._route_of: dict[web.AbstractRoute, Route] = {}
        self._in_progress = 0
        self._idle = asyncio.Event()
        self._stopping = False
        self._runner = web.AppRunner(self._application())
        self._door = Door(
            gate,
            "http",
            max_open=config.max_connections,
            per_address=gate.limits.http_connections_per_address,
            per_minute=0,  # clients that poll make one for each look
            words=refuse,
        )
        self._listener: asyncio.Server | None = None
        self.tls_port: int | None = None

    @property
    def port(self) -> int:
        """The bound port."""
        assert self._listener is not None, "not started"
        return int(self._listener.sockets[0].getsockname()[1])

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._runner.server.connections) if self._runner.server is not None else 0

    @property
    def waiting(self) -> int:
        """How many requests wait for mail."""
        return self._waiting.count

    @property
    def listening(self) -> int:
        """How many clients listen to server-sent events."""
        return self._event_stream.count

    def show_ports(self, ports: MailPorts) -> None:
        """What the pages name; they wait for this, as the other listeners open later."""
        self._pages.ports = self._documentation.ports = ports

    async def start(self) -> None:
        """Listen. Raises OSError where the address is taken."""
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        connect = functools.partial(Connection, server, loop=asyncio.get_running_loop(), time_scale=self._time_scale)
        self._listener = await self._door.listen(connect, self._config.host, self._config.port)

    def close(self) -> None:
        """Accept no more. Connections that are open get an answer to what they ask, and `/readyz` says no."""
        self._stopping = self._operation.stopping = True
        self._stream.close()
        self._event_stream.close()
        self._waiting.close()
        self._claims.close()
        self._door.close()
        if self._listener is not None:
            self._listener.close()

    async def stop(self, grace_s: float) -> int:
        """Accept no more, let requests finish for `grace_s`; returns how many were cut off."""
        self.close()
        if self._in_progress:
            self._idle.clear()
            try:
                async with asyncio.timeout(grace_s):
                    await self._idle.wait()
            except TimeoutError:
                log.warning("http.cut_off", extra={"requests": self._in_progress})
        cut_off = self._in_progress
        if (server := self._runner.server) is not None:
            await server.shutdown(FLUSH_S)
        await self._runner.cleanup()
        return cut_off

    def _application(self) -> web.Application:
        application = web.Application(
            middlewares=[self._observe, self._report, self._check_host, self._check_origin, self._read, self._identify]
        )
        application.on_response_prepare.append(self._add_headers)
        for path, routes in self._by_path().items():
            resource = application.router.add_resource(asked.pattern(path))
            for method, route in routes.items():
                expect = functools.partial(_expect, max_bytes=self._max_body_bytes(route))
                added = resource.add_route(method, route.handler, expect_handler=expect)
                self._route_of[added] = route
            # aiohttp's own answers to a wrong method and an unknown path bypass the expect handler.
            refuse = functools.partial(_wrong_method, allowed=tuple(routes))
            resource.add_route("*", refuse, expect_handler=_expect)
        application.router.add_resource("/{unknown:.*}").add_route("*", _no_route, expect_handler=_expect)
        return application

    def _max_body_bytes(self, route: Route) -> int:
        if route.mail:
            return self._max_message_bytes
        return self._max_large_bytes if route.is_large else asked.MAX_BODY_BYTES

    def _by_path(self) -> dict[str, dict[str, Route]]:
        paths: dict[str, dict[str, Route]] = {}
        for route in self.routes:
            for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
                paths.setdefault(route.path, {})[method] = route
        return paths

    # Every answer passes here, streams and aiohttp's own included; what a handler has set stays.
    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        for name, value in DEFAULT_HEADERS.items():
            # A browser takes the headers of a 304 for those of what it has (RFC 9111 §3.2), which came with a policy.
            if name != POLICY or response.status != HTTPStatus.NOT_MODIFIED:
                headers.setdefault(name, value)
        headers["Server"] = DEFAULT_HEADERS["Server"]  # aiohttp has put its own there
        if (request_id := request.get(asked.REQUEST_ID)) is not None:
            headers["X-Request-Id"] = request_id
        if self._is_degraded is not None and self._is_degraded():
            headers["X-Degraded"] = "db"
        if self._config.cors_origins:
            headers.update(cors_headers(request.headers.get("Origin"), self._config.cors_origins))
        if self._stopping:
            response.force_close()
            headers["Connection"] = "close"

    @web.middleware
    async def _observe(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Give the request its id; count and log what became of it. Queries are not logged: they may hold a key."""
        request[asked.REQUEST_ID] = request_id = asked.new_request_id()
        started = asyncio.get_running_loop().time()
        self._in_progress += 1
        status = 0  # of a request whose client left
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            self._in_progress -= 1
            if not self._in_progress:
                self._idle.set()
            route = self._route_of.get(request.match_info.route)
            template = route.path if route else "none"
            level = logging.DEBUG if route and route.is_public else logging.INFO  # probes ask every second
            method = request.method if request.method in _METHODS else "other"
            self._metrics.http_requests.labels(method, template, status).inc()
            if log.isEnabledFor(level):
                seconds = asyncio.get_running_loop().time() - started
                log.log(
                    level,
                    "http.request",
                    extra={
                        "request_id": request_id,
                        "remote": request.remote,
                        "method": method,
                        "path": request.rel_url.raw_path[:500],
                        "status": status,
                        "ms": round(seconds * 1000, 1),
                    },
                )

    @web.middleware
    async def _report(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn every failure into JSON. Where half an answer is out, closing is all that can still be said."""
        try:
            return await handler(request)
        except MailsacError as error:
            if request.writer.output_size:
                raise ConnectionResetError from error
            if error.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                log.warning("http.failed", extra=_logged(request, error))
            message = _text(request, error)
            problems = error.problems if isinstance(error, InvalidRequest) else ()
            return _error(error.http_status, message, problems)
        except web.HTTPException as refusal:
            response = _error(refusal.status, HTTPStatus(refusal.status).phrase)
            if "Allow" in refusal.headers:
                response.headers["Allow"] = refusal.headers["Allow"]
            return response
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:
            log.exception("http.crashed", extra={"request_id": request[asked.REQUEST_ID]})
            if request.writer.output_size:
                raise ConnectionResetError from error
            if isinstance(error, MemoryError):  # which passes, where others give theirs back
                return _error(Overloaded.http_status, Overloaded.http_message)
            return _error(500, MailsacError.http_message)

    @web.middleware
    async def _check_host(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse names that a foreign page may have pointed at us, in Host and in an absolute request target."""
        hosts = request.headers.getall("Host", [])
        if len(hosts) > 1 or (not hosts and request.version >= (1, 1)):
            raise InvalidRequest("exactly one Host is needed")  # RFC 9112 §3.2
        target = request.raw_path
        if not target.startswith(("/", "*")):
            hosts.append(target.partition("://")[2].partition("/")[0])
        if not all(host_allowed(host, self._allowed_hosts) for host in hosts):
            raise HostNotAllowed(hosts=hosts)
        return await handler(request)

    @web.middleware
    async def _check_origin(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer preflights, and refuse what a page of another origin wants changed."""
        if request.method == "OPTIONS":
            allowed = request.headers.get("Origin") in self._config.cors_origins
            return web.Response(status=204, headers=PREFLIGHT_HEADERS if allowed else {})
        if request.method not in SAFE_METHODS and not origin_allowed(request.headers, self._config.cors_origins):
            raise OriginNotAllowed(origin=request.headers.get("Origin"))
        return await handler(request)

    @web.middleware
    async def _read(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Read the body, whatever the route does with it: the cap holds everywhere. A body of GET is dropped."""
        route = self._route_of.get(request.match_info.route)
        if route is not None and route.mail and request.content_type == RFC822:
            request[asked.FIELDS] = {}
            return await handler(request)  # which reads it, once it is known who sends it
        octets = request.content_length or 0
        if route is not None and asked.MAX_BODY_BYTES < octets <= self._max_body_bytes(route):
            timeout_s = ROOM_WAIT_S * self._time_scale
            with await self._data_budget.reserve(asked.MAX_BODY_BYTES, timeout_s=timeout_s) as room:
                body = await asked.read_body(
                    request,
                    max_bytes=octets,
                    timeout_s=LARGE_TIMEOUT_S * self._time_scale,
                    has_room=lambda octets: room.cover(LARGE_COPIES * octets),  # so that nothing is held for no octets
                )
                request[asked.FIELDS] = await asyncio.to_thread(asked.decode_body, request.content_type, body)
                del body
                return await handler(request)
        body = await asked.read_body(
            request,
            max_bytes=asked.MAX_BODY_BYTES,
            timeout_s=BODY_TIMEOUT_S * self._time_scale,
        )
        in_use = route is not None and request.method not in SAFE_METHODS
        request[asked.FIELDS] = asked.decode_body(request.content_type, body) if in_use else {}
        return await handler(request)

    @web.middleware
    async def _identify(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Find out who calls."""
        route = self._route_of.get(request.match_info.route)
        if route is None or route.is_public:
            return await handler(request)
        try:
            principal = await self._caller(request)
        except NotAuthenticated:
            if route.caller != "optional":
                raise
            return await handler(request)
        request[asked.PRINCIPAL] = principal
        self._accounts.count_operation(principal.account)
        try:
            if route.caller == "admin" and not principal.admin:
                raise NotPermitted(account=principal.account) if request[asked.KEY] else NotAuthenticated
            return await handler(request)
        finally:
            self._activities.called(principal.account)

    async def _caller(self, request: web.Request) -> Principal:
        """Raises NotAuthenticated, and TooManyFailedLogins after too many wrong keys; none at all is no guess."""
        key = asked.api_key(request)
        request[asked.KEY] = key or ""
        if key is None:
            return await self._accounts.by_key(None)
        assert request.remote is not None  # it came by TCP
        with self._failures.attempt(request.remote):
            return await self._accounts.by_key(key)


async def _wrong_method(request: web.Request, *, allowed: tuple[str, ...]) -> web.StreamResponse:
    raise web.HTTPMethodNotAllowed(request.method, allowed)


async def _no_route(request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


async def _expect(request: web.Request, *, max_bytes: int = asked.MAX_BODY_BYTES) -> None:
    """Ask for the body that a client announces (RFC 9110 §10.1.1), unless it is already known to be too large."""
    asked_for = request.headers.get("Expect", "").lower() == "100-continue"
    if asked_for and (request.content_length or 0) <= max_bytes:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # an interim answer is no start of the answer


def _error(status: int, message: str, problems: tuple[str, ...] = ()) -> web.Response:
    response = web.Response(status=status, body=error_body(status, message, problems), headers={"Content-Type": JSON})
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _text(request: web.Request, error: MailsacError) -> str:
    """What the client reads. Where a message is named these are the hosted service's own words; tests compare them."""
    match error:
        case MessageNotFound() if "message_id" in request.match_info:
            message_id, who = request.match_info["message_id"], asked.address(request)
            return f"Message not found by id {message_id} and inbox {who.canonical}"
        case MessageHidden():
            return f"{error.http_message} {request.match_info['message_id']}"
        case _:
            return error.http_message


def _logged(request: web.Request, error: MailsacError) -> dict[str, object]:
    return {
        "request_id": request[asked.REQUEST_ID],
        "error": type(error).__name__,
        "cause": repr(error.__cause__),
        **{f"error_{name}": value for name, value in error.fields.items()},
    }
