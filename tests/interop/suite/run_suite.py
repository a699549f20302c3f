"""Runs modules of the test suite in Debian's python3-ipyparallel 7.1, as they are, against our
controller: run_suite.py LIST MODULE, where LIST names the tests that must pass.

Nothing of the suite is edited: a hook in each Python process names our controller to
ipyparallel's launchers. The exit status is 0 when every listed test of the module passed.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

import ipyparallel

HERE = os.path.dirname(os.path.abspath(__file__))
TEST_SECONDS = 90  # for each test; the suite's own are over in seconds on an idle machine
MARK = "TRIREME_SUITE_RUN"


def adopt_orphans():
    """Whatever is started below and loses its parent becomes ours, so that it can be ended."""
    ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def left_over(mark):
    """Processes that carry the mark of this run in their environment."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if f"{MARK}={mark}".encode() in file.read().split(b"\0"):
                    found.append(int(name))
        except OSError:
            pass
    return found


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def end_all(mark):
    for number, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        for pid in left_over(mark):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + patience
        while left_over(mark) and time.monotonic() < deadline:
            reap()
            time.sleep(0.05)


def run_pytest(module, test_list, folder):
    for name in ("home", "tmp", "ipython", "work"):
        os.makedirs(os.path.join(folder, name))
    with open(os.path.join(folder, "pytest.ini"), "w", encoding="utf-8") as file:
        file.write("[pytest]\nasyncio_mode = auto\n")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("IPP_", "PYTEST_"))}
    environment.update(
        HOME=os.path.join(folder, "home"),
        TMPDIR=os.path.join(folder, "tmp"),
        IPYTHONDIR=os.path.join(folder, "ipython"),
        PYTHONPATH=os.path.join(HERE, "hook"),
        PYTHONDONTWRITEBYTECODE="1",
        LC_ALL="C.UTF-8",
        TRIREME_CONTROLLER=os.path.join(os.environ["TRIREME_BIN_DIR"], "trireme-controller"),
        TRIREME_SUITE_LIST=test_list,
    )
    environment[MARK] = folder
    tests = os.path.join(os.path.dirname(ipyparallel.__file__), "tests")
    pytest = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-c", os.path.join(folder, "pytest.ini"),
         "--rootdir", tests, "-p", "no:cacheprovider", "-p", "swapped_controller", "-W", "ignore",
         "-q", "-rfE", "--tb=short", f"--timeout={TEST_SECONDS}",
         f"--junitxml={folder}/report.xml", os.path.join(tests, module)],
        env=environment, cwd=os.path.join(folder, "work"), stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    while pytest.poll() is None:
        time.sleep(0.1)
    return pytest.returncode


def passed_tests(report):
    root = xml.etree.ElementTree.parse(report).getroot()
    return sum(1 for case in root.iter("testcase")
               if not any(case.find(bad) is not None for bad in ("failure", "error", "skipped")))


def main(list_name, module):
    adopt_orphans()
    test_list = os.path.join(HERE, list_name)
    with open(test_list, encoding="utf-8") as file:
        wanted = sum(1 for line in file if line.startswith(module + "::"))
    folder = tempfile.mkdtemp(prefix="trireme-suite-")
    try:
        status = run_pytest(module, test_list, folder)
        report = os.path.join(folder, "report.xml")
        passed = passed_tests(report) if os.path.exists(report) else 0
    finally:
        end_all(folder)
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{module}: {passed} of {wanted} listed tests passed (pytest's status {status})")
    return 0 if status == 0 and passed == wanted and wanted > 0 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
