"""`python -m mailsac` and the `mailsac` command."""

from __future__ import annotations

import sys
from pathlib import Path

from mailsac import cli


def main() -> None:
    """The command line; that of `mailsac sendmail` where it was called by that name."""
    name = Path(sys.argv[0]).name
    cli.main([name, *sys.argv[1:]] if name == "sendmail" else sys.argv[1:])


if __name__ == "__main__":
    main()
