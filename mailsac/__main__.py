"""`python -m mailsac` and the `mailsac` command."""

from __future__ import annotations

from mailsac.cli import main

if __name__ == "__main__":
    main()
