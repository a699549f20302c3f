"""pytest plugin: runs the listed tests only, and refuses to run with a controller not ours."""

import os
import sys

import pytest


def short_id(item):
    path, _, rest = item.nodeid.partition("::")
    return f"{os.path.basename(path)}::{rest}"


def pytest_collection_modifyitems(config, items):
    with open(os.environ["TRIREME_SUITE_LIST"], encoding="utf-8") as file:
        wanted = {line.strip() for line in file}
    kept = [item for item in items if short_id(item) in wanted]
    config.hook.pytest_deselected(items=[item for item in items if short_id(item) not in wanted])
    items[:] = kept
    launchers = sys.modules.get("ipyparallel.cluster.launcher")
    expected = [os.environ["TRIREME_CONTROLLER"]]
    if launchers is not None and launchers.ipcontroller_cmd_argv != expected:
        pytest.exit("the stock controller would have been tested", returncode=9)
