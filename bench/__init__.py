"""Figures of speed and memory, each beside a peer or a target, of servers that run as processes of their own."""
