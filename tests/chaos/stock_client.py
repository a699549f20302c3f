"""The client of a chaos run on ipyparallel's own library; see chaos_client.cpp.

usage: stock_client.py PLAN JOURNAL CONNECTION-FILE FOLDER WINDOW
"""

import sys
import time

import ipyparallel
from ipyparallel import error


def work(index, seconds, fails_first, folder):
    """Runs on an engine; must not need this module there."""
    import os
    import time

    def note(what):
        line = f"{what} {index} {time.time_ns() // 1000} {os.getpid()}\n"
        file = os.open(folder + "/runs.txt", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        os.write(file, line.encode())
        os.close(file)

    note("start")
    time.sleep(seconds)
    if fails_first:
        try:
            os.close(os.open(f"{folder}/marks/{index}", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            pass
        else:
            note("failed")
            raise RuntimeError("the first run of this task fails")
    note("ended")
    return index * 2654435761 % 2147483647


class Journal:
    def __init__(self, name):
        self.submitted = {}
        self.finished = set()
        try:
            with open(name, encoding="utf-8") as file:
                for line in file:
                    words = line.split()
                    if len(words) >= 3 and words[0] == "S":
                        self.submitted[int(words[1])] = words[2]
                    elif len(words) >= 3 and words[0] == "R":
                        self.finished.add(int(words[1]))
        except FileNotFoundError:
            pass
        self.file = open(name, "a", encoding="utf-8")
        self.write("")

    def write(self, line):
        self.file.write(line + "\n")
        self.file.flush()


class Client(ipyparallel.Client):
    """Counts replies: each task may have one."""

    journal = None
    indices = {}

    def _handle_apply_reply(self, msg):
        msg_id = msg["parent_header"]["msg_id"]
        if msg_id in self.indices:
            self.journal.write(f"A {self.indices[msg_id]} {msg_id}")
        super()._handle_apply_reply(msg)


def take(journal, out, block):
    """Journals the results that are there."""
    for index in [i for i, result in out.items() if result.ready()]:
        result = out.pop(index)
        journal.finished.add(index)
        try:
            value = result.get()
            journal.write(f"R {index} ok {value[0] if isinstance(value, list) else value}")
        except error.RemoteError as failure:
            journal.write(f"R {index} error {failure.ename} {failure.evalue}")
        except error.IPythonError as failure:
            journal.write(f"R {index} error {type(failure).__name__} {failure}")
    if block:
        time.sleep(0.005)


def resumed(client, journal, index):
    """The result of a task that a predecessor submitted; None when the hub does not know it."""
    if journal.submitted[index] not in client.known:
        return None
    return client.get_result(journal.submitted[index], owner=False, block=False)


def main(plan_name, journal_name, connection_file, folder, window):
    journal = Journal(journal_name)
    client = Client(connection_file, timeout=120)
    client.journal = journal
    client.known = set(client.hub_history()) if journal.submitted else set()
    view = client.load_balanced_view()
    out = {}
    with open(plan_name, encoding="utf-8") as plan:
        for line in plan:
            index, kind, milliseconds, retries, either, after = line.split()
            index = int(index)
            if index in journal.finished:
                continue
            while len(out) >= int(window):
                take(journal, out, block=True)
            result = resumed(client, journal, index) if index in journal.submitted else None
            if result is None:
                ids = [journal.submitted[int(i)] for i in after.split(",") if i != "-"]
                needs = ipyparallel.Dependency(ids, success=True, failure=either == "1")
                with view.temp_flags(after=needs if ids else None, retries=int(retries)):
                    result = view.apply_async(
                        work, index, int(milliseconds) / 1000, kind == "flaky", folder
                    )
                journal.submitted[index] = result.msg_ids[0]
                client.indices[result.msg_ids[0]] = index
                journal.write(f"S {index} {result.msg_ids[0]}")
            out[index] = result
    while out:
        take(journal, out, block=True)
    client.close()


main(*sys.argv[1:])
