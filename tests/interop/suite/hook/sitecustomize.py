"""Every Python process that finds this folder on its path starts our controller for its own."""

import importlib.machinery
import os
import sys

LAUNCHERS = "ipyparallel.cluster.launcher"


class SwappedLoader:
    """Loads the launchers as always, and then names another controller command."""

    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        self.loader.exec_module(module)
        command = [os.environ["TRIREME_CONTROLLER"]]
        module.ipcontroller_cmd_argv[:] = command
        module.ControllerLauncher.controller_cmd.default_args = (command,)


class LauncherFinder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != LAUNCHERS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None:
            spec.loader = SwappedLoader(spec.loader)
        return spec


if os.environ.get("TRIREME_CONTROLLER"):
    sys.meta_path.insert(0, LauncherFinder)
