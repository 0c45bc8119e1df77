"""Logging set-up and metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Every metric, on a registry of its own so that two servers can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.smtp_sessions = Gauge("mailsac_smtp_sessions", "Open SMTP sessions", registry=registry)
        self.smtp_replies = Counter("mailsac_smtp_replies", "SMTP replies by code", ["code"], registry=registry)
        self.messages_stored = Counter("mailsac_messages_stored", "Messages stored, one per recipient", registry=registry)
        self.octets_stored = Counter("mailsac_octets_stored", "Octets stored", registry=registry)
        self.commit_batch = Histogram(
            "mailsac_commit_batch_messages", "Messages per group commit", buckets=(1, 2, 4, 8, 16, 32, 64), registry=registry
        )
        self.commit_seconds = Histogram("mailsac_commit_seconds", "Time of one group commit", registry=registry)
        self.pop3_sessions = Gauge("mailsac_pop3_sessions", "Open POP3 sessions", registry=registry)
        self.http_requests = Counter(
            "mailsac_http_requests", "HTTP responses by route and status", ["method", "route", "status"], registry=registry
        )
        self.cache_hits = Counter("mailsac_cache_hits", "LRU hits", registry=registry)
        self.cache_misses = Counter("mailsac_cache_misses", "LRU misses", registry=registry)
        self.cache_bytes = Gauge("mailsac_cache_bytes", "Octets held by the LRU", registry=registry)
        self.retention_deleted = Counter("mailsac_retention_deleted", "Messages forgotten by rule", ["rule"], registry=registry)
        self.recovered = Counter(
            "mailsac_recovered_files", "Stored files without a row, by what was done", ["outcome"], registry=registry
        )
