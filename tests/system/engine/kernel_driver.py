"""Starts our kernel as Jupyter does, and runs cells in it; for the tests of kernels."""

import os
import unittest

from controller_world import BIN, PATIENCE
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager


class TriremeKernelManager(KernelManager):
    """Starts our kernel without an installed kernelspec."""

    words = ()

    @property
    def kernel_spec(self):
        return KernelSpec(
            argv=[os.path.join(BIN, "trireme-engine"), "--kernel", "{connection_file}",
                  "--log-level=40", *self.words],
            display_name="Trireme", language="any", interrupt_mode="message")


class Cell:
    """What one execute request came to."""

    def __init__(self, client, code, **options):
        self.client = client
        self.request = client.execute(code, **options)
        self.outputs = []

    def next_output(self):
        """The next output of this cell; those of others are passed over."""
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") == self.request:
                self.outputs.append((message["msg_type"], message["content"]))
                return self.outputs[-1]

    def wait_for(self, msg_type, **content):
        def fits(output):
            return output[0] == msg_type and content.items() <= output[1].items()

        while not any(fits(output) for output in self.outputs):
            self.next_output()

    def finish(self):
        self.wait_for("status", execution_state="idle")
        while True:
            reply = self.client.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == self.request:
                return reply["content"]

    def stream(self, name):
        return "".join(c["text"] for t, c in self.outputs if t == "stream" and c["name"] == name)

    def types(self):
        return [msg_type for msg_type, _ in self.outputs]


class KernelDriver:
    """Running cells and asking questions; for all tests that have a client."""

    def run_cell(self, code, **options):
        cell = Cell(self.kernel, code, **options)
        cell.reply = cell.finish()
        return cell

    def answer(self, request):
        while True:
            reply = self.kernel.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == request:
                return reply["content"]


class ManagedKernel(KernelDriver, unittest.TestCase):
    """A kernel started by a KernelManager, as notebooks do."""

    WORDS = ("--language=sh",)

    def setUp(self):
        self.manager = TriremeKernelManager()
        self.manager.words = self.WORDS
        self.manager.start_kernel()
        self.addCleanup(self.stop_kernel)
        self.kernel = self.manager.client()
        self.kernel.start_channels()
        self.addCleanup(self.kernel.stop_channels)
        self.kernel.wait_for_ready(timeout=PATIENCE)

    def stop_kernel(self):
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)
