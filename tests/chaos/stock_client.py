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
    """Counts replies: each task may have one. Asks the hub again when it does not answer: a
    question may die with a controller."""

    journal = None
    indices = {}

    def _handle_apply_reply(self, msg):
        msg_id = msg["parent_header"]["msg_id"]
        if msg_id in self.indices:
            self.journal.write(f"A {self.indices[msg_id]} {msg_id}")
        super()._handle_apply_reply(msg)

    def _send_recv(self, *args, **kwargs):
        while True:
            question = self._send(*args, **kwargs)
            question.wait(HUB_PATIENCE)
            if question.done():
                return question.result()


DEPENDENCY_FAILURES = ("error InvalidDependency", "error ImpossibleDependency")
HUB_PATIENCE = 5  # seconds until a question is asked again
SILENCE = 4  # seconds without a result after which the hub is asked how things stand


class Work:
    """The tasks that are out. Those that a predecessor sent, and those whose replies do not come,
    are fetched from the hub; what the hub does not get is sent again. (Some of that comes late:
    after a cut, the library may keep requests to itself until it has another one to send.)"""

    def __init__(self, client, journal, folder):
        self.client = client
        self.journal = journal
        self.folder = folder
        self.view = client.load_balanced_view()
        self.known = set(client.hub_history()) if journal.submitted else set()
        self.plan = {}  # index -> its words
        self.needs = {}  # index -> what it waits for: index -> msg_id
        self.out = {}  # index -> its AsyncResult
        self.away = {}  # index -> msg_id, to be had from the hub
        self.suspects = set()  # msg_ids that looked lost, or answered without an answer here
        self.moved = self.asked = time.monotonic()

    def count(self):
        return len(self.out) + len(self.away)

    def start(self, index, words):
        self.plan[index] = words
        msg_id = self.journal.submitted.get(index)
        if msg_id in self.known:
            self.away[index] = msg_id
        else:
            self.submit(index)

    def submit(self, index):
        kind, milliseconds, retries, either, after = self.plan[index]
        ids = [self.journal.submitted[int(i)] for i in after.split(",") if i != "-"]
        needs = ipyparallel.Dependency(ids, success=True, failure=either == "1")
        with self.view.temp_flags(after=needs if ids else None, retries=int(retries)):
            result = self.view.apply_async(
                work, index, int(milliseconds) / 1000, kind == "flaky", self.folder
            )
        msg_id = result.msg_ids[0]
        self.needs[index] = dict(zip((int(i) for i in after.split(",") if i != "-"), ids))
        self.journal.submitted[index] = msg_id
        self.client.indices[msg_id] = index
        self.journal.write(f"S {index} {msg_id}")
        self.out[index] = result

    def step(self):
        """Journals the results that are there, or waits a moment."""
        ready = [index for index, result in self.out.items() if result.ready()]
        for index in ready:
            self.take(index, self.out.pop(index).get)
        now = time.monotonic()
        if ready:
            self.moved = now
        if self.away and now - self.asked > 0.5:
            self.fetch()
        if self.out and now - max(self.moved, self.asked) > SILENCE:
            self.look_after()
        if not ready:
            time.sleep(0.005)

    def take(self, index, get):
        try:
            value = get()
            text = f"ok {value[0] if isinstance(value, list) else value}"
        except error.RemoteError as failure:
            text = f"error {failure.ename} {failure.evalue}"
        except error.IPythonError as failure:
            text = f"error {type(failure).__name__} {failure}"
        if text.startswith(DEPENDENCY_FAILURES) and self.repair(index):
            return
        self.journal.finished.add(index)
        self.journal.write(f"R {index} {text}")

    def repair(self, index):
        """Sends a task again that failed because what it waits for was lost on its way, or sent
        again for that reason."""
        history = set(self.client.hub_history())
        needs = self.needs.get(index, {})
        gone = {needed for needed, msg_id in needs.items() if msg_id not in history}
        for needed in gone:
            if self.journal.submitted[needed] == needs[needed] and self.out.pop(needed, None):
                self.journal.write(f"L {needed} {needs[needed]}")
                self.submit(needed)
        anew = {needed for needed, msg_id in needs.items()
                if self.journal.submitted[needed] != msg_id}
        if gone | anew:
            self.submit(index)
        return bool(gone | anew)

    def fetch(self):
        self.asked = time.monotonic()
        status = self.client.result_status(list(self.away.values()), status_only=True)
        completed = set(status["completed"])
        for index, msg_id in list(self.away.items()):
            if msg_id in completed:
                del self.away[index]
                self.moved = time.monotonic()
                self.take(index, lambda: self.client.result_status(
                    [msg_id], status_only=False)[msg_id])

    def look_after(self):
        """What is wrong twice in a row is not just under way."""
        self.asked = time.monotonic()
        history = set(self.client.hub_history())
        ids = {index: result.msg_ids[0] for index, result in self.out.items()}
        known = [msg_id for msg_id in ids.values() if msg_id in history]
        ended = set(self.client.result_status(known, status_only=True)["completed"]
                    ) if known else set()
        suspects = {i for i in ids.values() if i not in history or i in ended}
        for index, msg_id in ids.items():
            if msg_id not in suspects or msg_id not in self.suspects or self.out[index].ready():
                continue
            del self.out[index]
            if msg_id in ended:
                self.journal.write(f"F {index} {msg_id}")
                self.away[index] = msg_id
            else:
                self.journal.write(f"L {index} {msg_id}")
                self.submit(index)
        self.suspects = suspects


def main(plan_name, journal_name, connection_file, folder, window):
    journal = Journal(journal_name)
    client = Client(connection_file, timeout=120)
    client.journal = journal
    run = Work(client, journal, folder)
    with open(plan_name, encoding="utf-8") as plan:
        for line in plan:
            index, *words = line.split()
            if int(index) in journal.finished:
                continue
            while run.count() >= int(window):
                run.step()
            run.start(int(index), words)
    while run.count():
        run.step()
    client.close()


main(*sys.argv[1:])
