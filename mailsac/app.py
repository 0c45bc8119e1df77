"""The composition root: makes and joins every object, starts them in order, stops them in reverse."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol, cast

from mailsac.accounts import Accounts
from mailsac.accounts_sqlite import SqliteAccounts
from mailsac.administration import Administration
from mailsac.blocking import Blocking, Rules
from mailsac.blocklist_file import BlocklistFile
from mailsac.cache import Cache
from mailsac.clock import Clock
from mailsac.config import Config, Store
from mailsac.control import Control
from mailsac.delivery import Courier
from mailsac.directory import AccountTable
from mailsac.dkim_signing import Signer
from mailsac.errors import StoreUnavailable
from mailsac.gate import Gate
from mailsac.http_api import HttpServer
from mailsac.inbound import Disk, Inbound
from mailsac.index import MessageIndex
from mailsac.index_sqlite import SqliteIndex
from mailsac.indexer import Indexer, SearchTable
from mailsac.intake import Intake
from mailsac.jobs import JobTable
from mailsac.jobs_sqlite import SqliteJobs
from mailsac.journal import has_journal
from mailsac.leases import Leases, ProcessLeases
from mailsac.limits import AuthFailures, Networks
from mailsac.mail_ports import MailPorts
from mailsac.migrate import MovableTable, Moved, migrate
from mailsac.outbound import Outbound
from mailsac.outgoing import OutgoingTable
from mailsac.outgoing_events import OutgoingEvents
from mailsac.outgoing_sqlite import SqliteOutgoing
from mailsac.pop3 import Pop3Server
from mailsac.recovery import Progress, RawFiles, RebuildableTable, patrol, recover, row_of
from mailsac.remembered import RememberedAccounts
from mailsac.retention import Retention
from mailsac.routing import Routing
from mailsac.search_sqlite import SqliteSearch
from mailsac.smtp import SmtpServer
from mailsac.spool import SpoolFolder, SpoolingTable
from mailsac.sqlite import DATABASE_FILE
from mailsac.status import Status
from mailsac.status_ring import FILE_NAME as STATUS_FILE
from mailsac.store import MailStore, MessageTable
from mailsac.store_disk import DiskRaw
from mailsac.store_journal import JournaledDisk
from mailsac.store_sqlite import SqliteTable
from mailsac.telemetry import Metrics
from mailsac.tls import server_context
from mailsac.webhook_client import NameServerResolver, WebhookClient
from mailsac.webhooks import Webhooks

if TYPE_CHECKING:
    from mailsac.outgoing_mongo import MongoOutgoing
    from mailsac.store_gridfs import StagedRaw, StagedTable
    from mailsac.store_mongo import MongoTable

log = logging.getLogger(__name__)

# What sessions in the middle of something get before they are cut off; 15 s in all is what supervisors allow.
SMTP_DRAIN_S: Final = 9.0
POP3_DRAIN_S: Final = 2.0
HTTP_DRAIN_S: Final = 2.0
INDEX_WAIT_S: Final = 10.0  # what a migration gives MongoDB to make its indexes
DATABASE_WAIT_S: Final = 1.0  # what a start gives MongoDB to answer, before it goes on without


class StartError(Exception):
    """The start failed for a reason an operator can mend; the text is one line for them."""


class Listener(Protocol):
    """What the three listeners have in common."""

    async def start(self) -> None: ...

    def close(self) -> None: ...

    async def stop(self, grace_s: float) -> int: ...


class Files(RawFiles, Disk, Protocol):
    """Where raw messages are kept, as the store, the recovery and the free-disk floor see it."""


@dataclass(frozen=True, slots=True)
class Storage:
    """What is kept in the data folder and the database, each part behind its port."""

    table: RebuildableTable
    raw: Files
    accounts: AccountTable
    jobs: JobTable
    outgoing: OutgoingTable
    index: MessageIndex
    search: SearchTable
    clock: Clock


class Server:
    """A running server: its ports, its store, and the way it ends."""

    def __init__(
        self,
        config: Config,
        *,
        store: MailStore,
        accounts: Accounts,
        webhooks: Webhooks,
        outbound: Outbound,
        blocklist: BlocklistFile,
        tls: ssl.SSLContext | None,
        smtp: SmtpServer,
        pop3: Pop3Server,
        http: HttpServer,
    ) -> None:
        self.config = config
        self.store = store
        self.accounts = accounts
        self.webhooks = webhooks
        self.outbound = outbound
        self.blocklist = blocklist
        self.http = http
        self.tls = tls
        self.smtp_port, self.smtp_tls_port = smtp.port, smtp.tls_port
        self.pop3_port, self.pop3_tls_port = pop3.port, pop3.tls_port
        self.http_port = http.port
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def http_url(self) -> str:
        """The base URL of the HTTP API."""
        return f"http://{authority(self.config.http.host, self.http_port)}"

    @property
    def ready_line(self) -> str:
        """The one line that scripts read from stdout."""
        smtp = authority(self.config.smtp.host, self.smtp_port)
        pop3 = authority(self.config.pop3.host, self.pop3_port)
        return f"mailsac ready smtp={smtp} pop3={pop3} http={self.http_url}"

    def background_ended(self, task: asyncio.Task[None]) -> None:
        """A background task that dies takes the process down: a supervisor restarts faster than a person notices."""
        if not task.cancelled() and not self.failed.done():
            self.failed.set_exception(task.exception() or RuntimeError(f"{task.get_name()} ended"))


@asynccontextmanager
async def opened(config: Store) -> AsyncIterator[Storage]:
    """All of the data folder, which no other process has open meanwhile. Raises StartError.

    With the rows in MongoDB other nodes may have it open too.
    """
    unfinished = _unfinished_migration(config, config.metadata)
    if unfinished.exists():
        raise StartError(
            f"a migration was not finished: run `mailsac migrate --to {config.metadata}` again. To give it up, "
            f"empty the database that it was to fill and remove {unfinished}"
        )
    share = config.metadata == "mongodb"
    own_mail = config.raw == "gridfs"
    async with AsyncExitStack() as stack:
        try:
            if share:
                await _file_journal(config)
                disk = await stack.enter_async_context(
                    DiskRaw.open(
                        config.data_dir, node_id=config.node_id, share=share, own_mail=own_mail, fsync=config.fsync
                    )
                )
            else:
                disk = await stack.enter_async_context(_journaled(config))
            if share:
                storage = await _in_mongodb(stack, config, disk)
            else:
                sqlite = await stack.enter_async_context(
                    SqliteTable.open(config.data_dir / DATABASE_FILE, fsync=config.fsync)
                )
                database = sqlite.database
                storage = Storage(
                    table=sqlite,
                    raw=disk,
                    accounts=SqliteAccounts(database),
                    jobs=SqliteJobs(database),
                    outgoing=SqliteOutgoing(database),
                    index=SqliteIndex(database),
                    search=SqliteSearch(database),
                    clock=Clock(),
                )
        except StoreUnavailable as error:
            raise StartError(reason_of(error)) from error
        yield storage


@asynccontextmanager
async def administered(config: Config) -> AsyncIterator[Administration]:
    """The accounts of a data folder that no server has open. Raises StartError, StoreUnavailable."""
    async with opened(config.store) as storage:
        accounts = Accounts(config.auth, storage.accounts)
        try:
            await accounts.begin()
            yield Administration(accounts)
        finally:
            await accounts.finish()


@asynccontextmanager
async def taking_in(config: Config) -> AsyncIterator[Intake]:
    """What takes old mail into a data folder that no server has open. Raises StartError, StoreUnavailable."""
    async with opened(config.store) as storage:
        metrics = Metrics()
        cache = Cache(0, hits=metrics.cache_hits, misses=metrics.cache_misses, size=metrics.cache_bytes)
        store = MailStore(storage.table, storage.raw, cache, metrics)
        accounts = Accounts(config.auth, storage.accounts)
        try:
            await accounts.begin()
            routing = Routing(accounts)
            inbound = Inbound(
                store,
                routing,
                hostname=config.smtp.hostname,
                disk=storage.raw,
                min_free_bytes=config.store.min_free_bytes,
            )
            yield Intake(store, storage.raw, routing, config.smtp, ready=inbound)
        finally:
            await accounts.finish()


def _journaled(config: Store, *, share: bool = False) -> AbstractAsyncContextManager[DiskRaw]:
    return JournaledDisk.open(config.data_dir, node_id=config.node_id, share=share, fsync=config.fsync)


async def _file_journal(config: Store) -> None:
    """File what is in a journal: the data folder was used with SQLite, and that process was killed.

    With MongoDB there is none: other nodes read the files of a shared folder, or GridFS takes them from there.
    """
    if has_journal(config.node_folder):
        async with _journaled(config, share=True):
            pass


async def _in_mongodb(stack: AsyncExitStack, config: Store, disk: DiskRaw) -> Storage:
    from mailsac.accounts_mongo import MongoAccounts  # the driver takes a while to load, and not all need it
    from mailsac.index_mongo import MongoIndex
    from mailsac.jobs_mongo import MongoJobs
    from mailsac.outgoing_mongo import MongoOutgoing
    from mailsac.search_mongo import MongoSearch
    from mailsac.store_mongo import MongoTable

    table: MongoTable
    raw: Files = disk
    if config.raw == "gridfs":
        table, raw = await stack.enter_async_context(_in_gridfs(config, disk))
    else:
        table = await stack.enter_async_context(MongoTable.open(config.mongodb_uri))
    accounts = MongoAccounts(table.database)
    stack.push_async_callback(accounts.calls.finished)
    jobs = await stack.enter_async_context(MongoJobs.open(table.database))
    outgoing = await stack.enter_async_context(MongoOutgoing.open(table.database))
    return Storage(
        table=table,
        raw=raw,
        accounts=accounts,
        jobs=jobs,
        outgoing=outgoing,
        index=MongoIndex(table),
        search=MongoSearch(table),
        clock=table.clock,
    )


@asynccontextmanager
async def _in_gridfs(config: Store, disk: DiskRaw) -> AsyncIterator[tuple[StagedTable, StagedRaw]]:
    """Rows and messages in MongoDB, the messages on `disk` until they are there."""
    from mailsac.store_gridfs import GridFsRaw, StagedRaw, StagedTable

    async with (
        GridFsRaw.open(config.mongodb_uri) as gridfs,
        StagedTable.open(config.mongodb_uri) as table,
    ):
        table.raw = StagedRaw(disk, gridfs, known=table.known, marked=_spool_folder(config).marked, answers=table.ping)
        yield table, table.raw


async def move_rows(config: Store, to: Literal["mongodb", "sqlite"], progress: Progress) -> Moved:
    """`mailsac migrate`: the rows of one database into the other, while nobody else has the data folder open.

    Raises StartError, and what `migrate` raises.
    """
    from mailsac.accounts_mongo import MongoAccounts
    from mailsac.jobs_mongo import MongoJobs
    from mailsac.outgoing_mongo import MongoOutgoing
    from mailsac.store_mongo import MongoTable

    if config.raw == "gridfs":
        raise StartError('store.raw is "gridfs": the messages are in MongoDB, and this command moves rows alone')
    file = config.data_dir / DATABASE_FILE
    async with AsyncExitStack() as stack:
        try:
            raw = await stack.enter_async_context(_journaled(config))
            if to == "mongodb" and not file.exists():
                raise StartError(f"{file}: no such database")
            mongodb = await stack.enter_async_context(MongoTable.open(config.mongodb_uri))
            await _answers(mongodb)
            sqlite = await stack.enter_async_context(SqliteTable.open(file, fsync=config.fsync))
        except StoreUnavailable as error:
            raise StartError(reason_of(error)) from error
        with suppress(TimeoutError):  # at once in an empty database; where it takes longer all goes on without them
            async with asyncio.timeout(INDEX_WAIT_S):
                await mongodb.indexes.built.wait()
        source: MovableTable = sqlite if to == "mongodb" else mongodb
        target: MovableTable = mongodb if to == "mongodb" else sqlite
        both: tuple[AccountTable, AccountTable] = SqliteAccounts(sqlite.database), MongoAccounts(mongodb.database)
        jobs: tuple[JobTable, JobTable] = SqliteJobs(sqlite.database), MongoJobs(mongodb.database)
        queues: tuple[OutgoingTable, OutgoingTable] = SqliteOutgoing(sqlite.database), MongoOutgoing(mongodb.database)
        return await migrate(
            source,
            target,
            raw,
            accounts=both if to == "mongodb" else both[::-1],
            jobs=jobs if to == "mongodb" else jobs[::-1],
            outgoing=queues if to == "mongodb" else queues[::-1],
            unfinished=_unfinished_migration(config, to),
            progress=progress,
        )


async def _answers(mongodb: MessageTable) -> None:
    """Raises StartError where it does not."""
    try:
        await mongodb.ping()
    except StoreUnavailable as error:
        raise StartError(f"the MongoDB of store.mongodb_uri does not answer: {reason_of(error)}") from error


def _unfinished_migration(config: Store, to: str) -> Path:
    """The file that is there as long as that database lacks rows: recovery would make them up from the files."""
    return config.data_dir / f"migrating-to-{to}"


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[Server]:
    """A server with every listener up, for as long as the block runs.

    Raises StartError. `server.failed` ends with an exception when a background task dies.
    """
    started = time.monotonic()
    async with AsyncExitStack() as stack:
        metrics = Metrics()
        cache = Cache(
            config.cache.max_bytes, hits=metrics.cache_hits, misses=metrics.cache_misses, size=metrics.cache_bytes
        )
        storage = await stack.enter_async_context(opened(config.store))
        raw = storage.raw
        table: MessageTable = storage.table
        spool = None
        try:
            if config.store.metadata == "mongodb":
                table = spool = _spooling(table, raw, config.store, metrics)
                if config.store.raw == "gridfs":
                    cast("StagedRaw", raw).answers = spool.ping  # nobody waits for GridFS either
                await spool.begin(within_s=DATABASE_WAIT_S)
            await recover(table, raw, metrics)
        except StoreUnavailable as error:
            if spool is None or not spool.is_degraded:
                raise StartError(reason_of(error)) from error
            log.warning("recovery.postponed", extra={"error": repr(error)})
        if not config.store.fsync:
            log.warning("store.fsync_off", extra={"meaning": "a power cut loses mail that was answered 250"})
        store = MailStore(table, raw, cache, metrics)
        stack.push_async_callback(store.drain)

        known_accounts = storage.accounts
        if spool is not None:
            remembered = config.store.node_folder / "accounts.json"
            known_accounts = RememberedAccounts(spool.breaker.behind(storage.accounts), remembered)
        accounts = Accounts(
            config.auth,
            known_accounts,
            is_shared=spool is not None,
            first_key=_print_first_key,
        )
        stack.push_async_callback(accounts.finish)
        try:
            await accounts.begin()
        except StoreUnavailable as error:
            if spool is None:
                raise StartError(reason_of(error)) from error
            log.warning("accounts.postponed", extra={"error": repr(error)})
        failures = AuthFailures(Networks(config.limits.exempt_networks))
        blocklist = BlocklistFile(config.limits, config.store.data_dir, config.smtp.proxy_networks)
        await asyncio.to_thread(blocklist.load)
        metrics.blocklist_entries.set_function(lambda: len(blocklist.current))
        metrics.blocklist_broken.set_function(lambda: bool(blocklist.broken))
        time_scale = config.testing.time_scale
        gate = Gate(
            config.limits,
            deny_list=blocklist,
            metrics=metrics,
            proxy_networks=config.smtp.proxy_networks,
            time_scale=time_scale,
        )
        gate.stress.watch()
        stack.callback(gate.stress.stop)
        blocklist.on_blocked.append(gate.close_blocked)
        blocking = Blocking(blocklist, Rules(config), gate.traffic)
        tls = server_context(config.tls, config.store.data_dir)
        signer = Signer(config.outbound)
        await asyncio.to_thread(signer.load)
        routing = Routing(accounts, forwards_out=config.outbound.mode != "local")
        inbound = Inbound(
            store,
            routing,
            hostname=config.smtp.hostname,
            disk=raw,
            min_free_bytes=config.store.min_free_bytes,
            clock=storage.clock,
            spool_is_full=None if spool is None else lambda: spool.is_full,
        )
        status = Status(
            config.store.node_folder / STATUS_FILE,
            metrics,
            refuse_reason=inbound.refuse_reason,
            ping=store.ping,
            disk=raw,
            min_free_bytes=inbound.min_free_bytes,
            stress=gate.stress,
            connections=lambda: Counter(slot.listener for slot in gate.open),
            breaker=None if spool is None else spool.breaker,
            node="" if spool is None else config.store.node_id,
        )
        intake = Intake(store, raw, routing, config.smtp, ready=inbound)
        control = Control(blocking, status.view, intake)
        await stack.enter_async_context(control.listening(config.store.node_folder))
        leases: Leases = ProcessLeases()
        if spool is not None:
            from mailsac.nodes import LEASE_S, MongoLeases, set_clock

            with suppress(StoreUnavailable):
                if not spool.is_degraded:
                    await set_clock(cast("MongoTable", storage.table))
            shared = MongoLeases.open(config.store.mongodb_uri, lease_s=LEASE_S * time_scale, answers=spool.ping)
            leases = await stack.enter_async_context(shared)
        resolver = NameServerResolver(config.testing.resolver) if config.testing.resolver else None
        webhooks = Webhooks(
            config.webhooks,
            jobs=storage.jobs if spool is None else spool.breaker.behind(storage.jobs),
            store=store,
            accounts=accounts,
            routing=routing,
            client=await stack.enter_async_context(
                WebhookClient.open(config.webhooks, time_scale=time_scale, resolver=resolver)
            ),
            metrics=metrics,
            time_scale=time_scale,
        )
        outgoing_events = OutgoingEvents(store.events, jobs=webhooks.jobs, accounts=accounts)
        inbound.relay = outbound = Outbound(
            config.outbound,
            table=storage.outgoing if spool is None else spool.breaker.behind(storage.outgoing),
            courier=await stack.enter_async_context(
                Courier.open(config.outbound, smtp=config.smtp, testing=config.testing)
            ),
            inbound=inbound,
            accounts=accounts,
            events=outgoing_events,
            signer=signer,
            metrics=metrics,
            hostname=config.smtp.hostname,
            clock=storage.clock,
            submission=config.smtp.submission,
            time_scale=time_scale,
        )
        pop3 = Pop3Server(
            config.pop3,
            store=store,
            accounts=accounts,
            failures=failures,
            gate=gate,
            metrics=metrics,
            tls=tls,
            time_scale=time_scale,
            retention=config.retention,
            leases=leases,
        )
        smtp = SmtpServer(
            config.smtp,
            inbound=inbound,
            accounts=accounts,
            limits=config.limits,
            failures=failures,
            blocklist=blocklist,
            gate=gate,
            metrics=metrics,
            tls=tls,
            time_scale=time_scale,
        )
        search = storage.search if spool is None else spool.breaker.behind(storage.search)
        indexer = Indexer(search, raw.read, unindexed=store.events.unindexed)
        http = HttpServer(
            config.http,
            store=store,
            accounts=accounts,
            index=storage.index if spool is None else spool.breaker.behind(storage.index),
            search=search,
            indexer=indexer,
            routing=routing,
            webhooks=webhooks,
            outbound=outbound,
            max_recipients=config.outbound.max_recipients,
            auth=config.auth,
            retention=config.retention,
            metrics=metrics,
            inbound=inbound,
            smtp=config.smtp,
            data_budget=smtp.budget,
            require_acceptable=smtp.require_acceptable,
            failures=failures,
            gate=gate,
            blocking=blocking,
            leases=leases,
            clock=storage.clock,
            time_scale=time_scale,
            is_degraded=None if spool is None else lambda: spool.is_degraded,
            status=status.view,
        )
        await _open(stack, http, "http", config.http.host, config.http.port, HTTP_DRAIN_S)
        await _open(stack, pop3, "pop3", config.pop3.host, config.pop3.port, POP3_DRAIN_S, config.pop3.tls_port)
        await _open(stack, smtp, "smtp", config.smtp.host, config.smtp.port, SMTP_DRAIN_S, config.smtp.tls_port)
        http.show_ports(
            MailPorts(
                smtp=smtp.port,
                pop3=pop3.port,
                smtp_tls=smtp.tls_port,
                pop3_tls=pop3.tls_port,
                has_tls=tls is not None,
            )
        )
        server = Server(
            config,
            store=store,
            accounts=accounts,
            webhooks=webhooks,
            outbound=outbound,
            blocklist=blocklist,
            tls=tls,
            smtp=smtp,
            pop3=pop3,
            http=http,
        )
        background: list[tuple[str, Coroutine[None, None, None]]] = [
            ("retention", Retention(config.retention, store, metrics, accounts, leases=leases).run()),
            ("patrol", patrol(table, raw, metrics)),
            ("accounts", accounts.run()),
            ("webhooks", webhooks.run()),
            ("outbound", outbound.run()),
            ("search", indexer.run()),
            ("blocklist", blocklist.run()),
            ("status", status.run()),
        ]
        if spool is not None:
            from mailsac.blocklist_mongo import SharedBlocks
            from mailsac.nodes import Arrivals, keep_time
            from mailsac.outgoing_nodes import AttemptsElsewhere

            rows = cast("MongoTable", storage.table)
            background += [("spool", spool.run()), ("arrivals", Arrivals(rows, store.events).run())]
            background.append(("clock", keep_time(rows)))
            shared_blocks = await stack.enter_async_context(SharedBlocks.open(rows.database, blocklist, spool.ping))
            background.append(("shared blocks", shared_blocks.run()))
            elsewhere = AttemptsElsewhere(cast("MongoOutgoing", storage.outgoing), outgoing_events)
            background.append(("attempts", elsewhere.run()))
        for name, work in background:
            task = asyncio.create_task(work, name=name)
            task.add_done_callback(server.background_ended)
            stack.push_async_callback(_cancel, task)
        log.info(
            "app.ready",
            extra={
                "data": str(config.store.data_dir.resolve()),
                "read": server.http_url,
                **{
                    name: port
                    for name, port in (("smtp_tls", server.smtp_tls_port), ("pop3_tls", server.pop3_tls_port))
                    if port is not None
                },
                "api": f"{server.http_url}/api/addresses/bob@example.com/messages",
                "seconds": round(time.monotonic() - started, 3),
            },
        )
        try:
            yield server
        finally:
            log.info("app.stopping")
            for listener in (smtp, pop3, http):  # all at once: nobody new comes in by one while another drains
                listener.close()


def _print_first_key(key: str) -> None:
    """A plain line on stderr, never a record of the log: those are collected and kept."""
    print(f"mailsac: the first API key, of the account admin, shown only now: {key}", file=sys.stderr, flush=True)


def _spool_folder(config: Store) -> SpoolFolder:
    return SpoolFolder(config.node_folder / "spool", fsync=config.fsync)


def _spooling(table: MessageTable, raw: Files, config: Store, metrics: Metrics) -> SpoolingTable:
    return SpoolingTable(
        table,
        _spool_folder(config),
        row_of=partial(row_of, raw),
        present=raw.present,
        max_messages=config.spool_max_messages,
        max_octets=config.spool_max_bytes,
        metrics=metrics,
    )


def reason_of(error: StoreUnavailable) -> str:
    return str(error.fields.get("reason", "the mail store cannot be opened"))


def authority(host: str, port: int) -> str:
    """`host:port` as URLs write it (RFC 3986 §3.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _open(
    stack: AsyncExitStack,
    listener: Listener,
    section: str,
    host: str,
    port: int,
    drain_s: float,
    tls_port: int | None = None,
) -> None:
    try:
        await listener.start()
    except OSError as error:
        setting = "port"
        if isinstance(error, socket.gaierror):
            setting = "host"
        elif tls_port and f", {tls_port})" in str(error):  # as asyncio and uvloop word it
            setting, port = "tls_port", tls_port
        reason = error.strerror or str(error)
        raise StartError(
            f"[{section}] cannot listen on {authority(host, port)}: {reason}; see {section}.{setting}"
        ) from error
    stack.push_async_callback(_close, listener, section, drain_s)


async def _close(listener: Listener, section: str, drain_s: float) -> None:
    cut_off = await listener.stop(drain_s)
    log.info("app.listener_closed", extra={"listener": section, "cut_off": cut_off})


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
