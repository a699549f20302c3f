"""Addresses for controllers of tests, which run side by side on one machine."""

import os


def own_address():
    """A loopback address that hardly any other process has. Nobody else gets a port there that a
    controller has left and takes again, or that Python's has chosen and not yet taken.

    As short as 127.0.0.1: ThreadSanitizer takes libzmq's handling of longer ones for a race."""
    return "127." + ".".join(f"{2 + os.getpid() % 998:03}")
