"""What a person reads is true, and says nothing that only one machine knows."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bench.hardening import CHECKS
from mailsac import __version__
from mailsac.cli import main
from mailsac.config import Config, resolve
from mailsac.telemetry import Metrics
from tests.conftest import needs

ROOT = Path(__file__).parents[1]
OWN_DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{path.name}" for path in ROOT.glob("docs/*.md")),
]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))

REGISTRIES = re.compile(
    r"pypi[.]org|pythonhosted[.]org|npmjs[.](org|com)|crates[.]io|proxy[.]golang|deb[.]debian[.]org"
)
MACHINE_PATHS = re.compile(r"(?<![\w.~])/(work|root|home/\w+|Users/\w+)/")


def project_files() -> Iterator[Path]:
    """What is, or could be, committed."""
    command = [needs("git"), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return (ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file())


@pytest.mark.parametrize("pattern", [REGISTRIES, MACHINE_PATHS])
def test_no_file_names_a_registry_or_a_path_of_one_machine(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in project_files()
        if path.suffix not in {".eml", ".png"}
        for match in pattern.finditer(path.read_text("utf-8", errors="replace"))
    ]

    assert found == []


@pytest.mark.parametrize("document", OWN_DOCUMENTS)
def test_make_targets_that_a_document_names_exist(document: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`|^    )make ([a-z]+)", (ROOT / document).read_text(), re.MULTILINE))

    assert named <= targets


def test_the_table_of_hardening_checks_names_what_automates_them() -> None:
    text = (ROOT / "docs" / "hardening.md").read_text()
    table = re.findall(r"^\| (C-\d+) \|.*\|([^|]*)\|([^|]*)\|$", text, re.MULTILINE)
    tests: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for check in re.findall(r'check\("(C-\d+)"\)', path.read_text()):
            tests.setdefault(check, set()).add(str(path.relative_to(ROOT / "tests").with_suffix("")))
    figures = {check: work.__module__.removeprefix("bench.") for check, work in CHECKS.items()}

    assert [check for check, *_ in table] == [f"C-{number:02}" for number in range(1, 101)]
    for check, in_tests, in_bench in table:
        assert set(re.findall(r"`(.*?)`", in_tests)) == tests.pop(check, set()), check
        assert re.findall(r"`(.*?)`", in_bench) == ([figures[check]] if check in figures else []), check
        assert in_tests.strip() or in_bench.strip(), check
    assert not tests


def test_the_makefile_names_phony_targets() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())  # type: ignore[index]

    assert set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE)) == phony


@pytest.mark.parametrize("document", OWN_DOCUMENTS)
def test_commands_that_a_document_names_exist(document: str) -> None:
    named = set(re.findall(r"`(?:\.venv/bin/)?mailsac ([a-z-]+)", (ROOT / document).read_text()))

    assert named <= set(main.list_commands(click.Context(main)))


@pytest.mark.parametrize("document", [*OWN_DOCUMENTS, *(str(path.relative_to(ROOT)) for path in DECISIONS)])
def test_links_between_documents_lead_somewhere(document: str) -> None:
    path = ROOT / document
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()) if "://" not in target]

    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("document", [*OWN_DOCUMENTS, "config.toml"])
def test_settings_that_a_document_names_exist(document: str) -> None:
    tables = Config()
    text = (ROOT / document).read_text()
    named = re.findall(
        r"\b(smtp|pop3|http|tls|store|cache|retention|limits|auth|log|testing)\.([a-z][a-z0-9_]+)\b", text
    )
    others = {"py", "md", "toml", "dropped", "commit_failed"}  # files and log events

    assert [
        f"{table}.{key}" for table, key in named if key not in others and not hasattr(getattr(tables, table), key)
    ] == []


@pytest.mark.parametrize("document", OWN_DOCUMENTS)
def test_settings_files_that_a_document_shows_are_accepted(document: str, tmp_path: Path) -> None:
    for shown in re.findall(r"^```toml\n(.*?)^```$", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL):
        (tmp_path / "config.toml").write_text(shown)
        resolve(tmp_path / "config.toml", {}, {})


def test_the_readme_has_the_default_ports() -> None:
    readme = (ROOT / "README.md").read_text()
    config = Config()

    assert (
        f"mailsac ready smtp={config.smtp.host}:{config.smtp.port} pop3={config.pop3.host}:{config.pop3.port}"
        f" http=http://{config.http.host}:{config.http.port}\n"
    ) in readme


def test_every_metric_is_explained() -> None:
    rendered = Metrics().render().decode()
    names = set(re.findall(r"^# TYPE (mailsac_\w+?)(?:_created)? ", rendered, re.MULTILINE))
    explained = set(re.findall(r"`(mailsac_\w+?)(?:\{[a-z,]+\})?`", (ROOT / "docs" / "operations.md").read_text()))

    assert {name for name in names if name not in explained and f"{name}_total" not in explained} == set()
    assert {name for name in explained if name not in names} == set()


def test_the_changelog_has_this_version_or_what_is_unreleased() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()

    assert "## [Unreleased]" in changelog or f"## [{__version__}]" in changelog


@pytest.mark.parametrize("number", range(len(DECISIONS)))
def test_decisions_are_numbered_and_have_three_parts(number: int) -> None:
    path = DECISIONS[number]
    text = path.read_text()

    assert path.name.startswith(f"{number + 1:04}-")
    assert text.startswith(f"# {number + 1:04}. ")
    assert [part for part in ("**Context.**", "**Decision.**", "**Consequence.**") if part not in text] == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_files_have_a_hash_for_everything_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    pins = re.findall(r"^[a-z0-9][\w.-]*==.*$", text, re.MULTILINE)

    assert pins
    assert all(pin.endswith("\\") for pin in pins)
    assert "://" not in text
    assert "--index-url" not in text


def test_the_development_lock_has_the_versions_of_the_other() -> None:
    def pins(name: str) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9][\w.-]*)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))

    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()
