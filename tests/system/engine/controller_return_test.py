"""An engine whose controller is killed and started again goes on where it was."""

import os
import shutil
import signal

from engine_world import CONTROLLER, EngineWorld, wait_until


class ControllerReturn(EngineWorld):
    """Sudden ends of our controller; Python's cannot be started again with the same ports."""

    FAST = ("--HeartMonitor.period=500",)

    def forget_signatures(self, client):
        """A restarted controller may deliver a reply twice; here that is no replay attack."""
        client.session.digest_history.clear()

    def restart(self, *words):
        controller = self.start(
            "trireme-controller", *self.controller_words(*self.FAST, "--reuse", *words))
        wait_until(lambda: "serving" in controller.output(), "the controller serves")
        return controller

    def test_a_running_task_is_not_disturbed_and_its_result_arrives(self):
        client = self.start_cluster("--load", self.plugin("deadly_plugin"),
                                    controller_words=self.FAST)
        kernel = client.call("deadly.pid")
        request = client.apply("trireme.sleep", 3)
        wait_until(lambda: client.receive("iopub")["parent_header"].get("msg_id") == request,
                   "the task runs")
        self.controller.signal(signal.SIGKILL)
        self.controller.wait()
        self.restart()
        self.assertEqual(client.reply_to(request)["content"]["status"], "ok")
        self.forget_signatures(client)
        self.assertEqual(client.call("deadly.pid"), kernel)

    def test_an_engine_that_a_new_controller_does_not_know_joins_again(self):
        client = self.start_cluster("--id=5", controller_words=(*self.FAST, "--nodb"))
        client.call("trireme.push", a=1, engine=5)
        before = dict(client.engines)
        self.controller.signal(signal.SIGKILL)
        self.controller.wait()
        for leftover in ("trireme.db", "trireme.db-wal", "trireme.db-shm"):
            path = os.path.join(self.profile, leftover)
            if os.path.exists(path):
                os.remove(path)
        shutil.rmtree(os.path.join(self.profile, "trireme.db-contents"), ignore_errors=True)
        self.restart("--nodb")
        client.wait_for_engines(1)
        self.assertEqual(client.engines, before)
        self.assertEqual(client.call("trireme.pull", "a", engine=5), 1)
        wait_until(lambda: "Joined again as engine 5" in self.engines[0].output(), "it says so")


assert CONTROLLER == "trireme"
