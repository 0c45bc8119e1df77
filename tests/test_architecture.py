"""Imports go downwards only, and each driver has one home."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mailsac"

# A module may import from the lines above its own; `api` is all of api/.
LAYERS = [
    "client",
    "code_words link_others link_pairs link_words mbox mime_writer outgoing vocabulary words",
    "errors cache clock fair_queue leases setting_types headers html ids jobs directory proxy sqlite_schema supervisor",
    "worker",
    "links codes parts disk lockfile config address smtp_data budget credentials records net_guard standard_webhooks",
    "examples mail_ports markdown",
    "documentation",
    "arrival_order send_request srs dkim_signing status_ring",
    "breaker sweep link_kinds message limits mongo ordinary sqlite telemetry smtp_commands tls traffic webhook_client",
    "accounts archive blocklist compose marks remembered smtp_client mx status_view stress turnstile",
    "archive_read blocklist_edit delivery dsn gate sendmail status_page",
    "destinations journal blocklist_file mime events index routing administration jobs_sqlite jobs_mongo",
    "blocking blocklist_mongo payload summary remote search outgoing_sqlite outgoing_mongo",
    "store webhook_bodies",
    "store_disk store_sqlite store_mongo spool recovery retention pop3_session indexer",
    "intake",
    "control",
    "accounts_sqlite accounts_mongo index_sqlite index_mongo search_sqlite",
    "store_journal store_gridfs search_mongo nodes migrate pop3 inbound smtp_connection webhooks",
    "bounces outgoing_events reader transfer",
    "backup doctor",
    "doctor_net doctor_store",
    "attempts",
    "queue_runner",
    "outbound outgoing_nodes status",
    "smtp api",
    "http_api",
    "app",
    "pytest_server",
    "pytest_plugin",
    "cli_settings",
    "cli_progress",
    "cli_accounts cli_backup cli_block cli_dkim cli_doctor cli_man cli_sendmail cli_status cli_transfer",
    "cli",
    "__main__",
]
LAYER = {module: number for number, line in enumerate(LAYERS) for module in line.split()}

MONGO_ADAPTERS = {
    "store_mongo",
    "store_gridfs",
    "nodes",
    "accounts_mongo",
    "jobs_mongo",
    "outgoing_mongo",
    "outgoing_nodes",
    "blocklist_mongo",
    "index_mongo",
    "search_mongo",
}
HOMES = {
    "aiosmtpd": {"smtp", "smtp_connection"},
    "aiohttp.web": {"http_api", "api"},
    "pytest": {"pytest_plugin"},
    "sqlite3": {
        "sqlite",
        "store_sqlite",
        "accounts_sqlite",
        "jobs_sqlite",
        "outgoing_sqlite",
        "index_sqlite",
        "search_sqlite",
    },
    "selectolax": {"links", "html"},
    "fast_mail_parser": {"ordinary", "compose"},
    "pymongo": {"mongo", *MONGO_ADAPTERS},
    "bson": {"mongo", *MONGO_ADAPTERS},
    "dns": {"mx", "webhook_client"},
    "os.environ": {"config"},
    "os.getenv": {"config"},
    "store_disk": {"app", "backup", "reader", "store_journal"},
    "store_journal": {"app"},
    "store_sqlite": {"app", "reader"},
    "mongo": {"doctor_store", *MONGO_ADAPTERS},
    "store_mongo": {"app", "doctor_store", "reader", "store_gridfs", "nodes", "index_mongo", "search_mongo"},
    "store_gridfs": {"app", "reader"},
    "nodes": {"app"},
}
# Imported where they are used, so that a start does not pay for them.
LATE = {"cryptography", "disposable_email_domains", "rich"}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def uses(tree: ast.AST) -> set[str]:
    """Dotted names that are imported, late imports and those for types too, and `os.…` attributes."""
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            found.add(f"os.{node.attr}")
    return {name.removeprefix("mailsac.") for name in found}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards_and_drivers_stay_home(path: Path) -> None:
    module, tree = name_of(path), ast.parse(path.read_text())
    names = uses(tree)
    own = {name.split(".")[0] for name in names} & LAYER.keys()
    at_import = uses(ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], []))

    assert {other for other in own - {module} if LAYER[other] >= LAYER[module]} == set()
    assert {driver for driver, homes in HOMES.items() if module not in homes and used(driver, names)} == set()
    assert {driver for driver in LATE if used(driver, at_import)} == set()


def used(driver: str, names: set[str]) -> bool:
    return any(name == driver or name.startswith(driver + ".") for name in names)


def test_every_module_has_a_layer() -> None:
    assert {name_of(path) for path in MODULES} <= LAYER.keys()
