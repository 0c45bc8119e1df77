"""mailsac: a mail server that shows mail instead of sending it into the world."""

__version__ = "0.1.0"
