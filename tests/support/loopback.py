"""Addresses for controllers of tests, which run side by side on one machine."""

import os


def own_address():
    """A loopback address of this process alone. Nobody else gets a port there that a controller has
    left and takes again, or that Python's has chosen and not yet taken."""
    pid = os.getpid()
    return f"127.{64 + (pid >> 16) % 128}.{pid >> 8 & 255}.{pid & 255}"
