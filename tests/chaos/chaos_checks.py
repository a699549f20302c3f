"""What must hold when a chaos run is over."""

import collections
import os
import sqlite3
import time

from chaos_cluster import Failure

SETTLING = 60  # seconds for second runs of tasks to end, too


def result_of(index):
    return index * 2654435761 % 2147483647


class Journal:
    """What the clients of a run wrote down."""

    def __init__(self, name):
        self.ids = collections.defaultdict(list)  # index -> its msg_ids
        self.results = collections.defaultdict(list)  # index -> words of results
        # msg_id -> replies, where the client counts them. A controller started again repeats its
        # last ones, which may have been lost; the client's library passes on the first.
        self.answers = collections.Counter()
        self.twice = []
        self.lost = set()  # msg_ids that the hub did not know; some may come late
        self.fetched = []  # indices whose reply did not come and was had from the hub
        with open(name, encoding="utf-8", errors="replace") as file:
            for line in file:
                words = line.split()
                if line[-1:] != "\n" or len(words) < 2:
                    continue
                if words[0] == "S" and len(words) == 3:
                    self.ids[int(words[1])].append(words[2])
                elif words[0] == "R" and len(words) >= 4:
                    self.results[int(words[1])].append(words[2:])
                elif words[0] == "A" and len(words) == 3:
                    self.answers[words[2]] += 1
                elif words[0] == "T":
                    self.twice.append(int(words[1]))
                elif words[0] == "L":
                    self.lost.add(words[2])
                elif words[0] == "F":
                    self.fetched.append(int(words[1]))


class Progress:
    """Counts the results in a journal that grows, reading each line once."""

    def __init__(self, name):
        self.name = name
        self.place = 0
        self.count = 0

    def finished(self):
        try:
            with open(self.name, "rb") as file:
                file.seek(self.place)
                whole, newline, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return 0
        self.place += len(whole) + len(newline)
        self.count += sum(line.startswith(b"R ") for line in whole.split(b"\n"))
        return self.count


def check_results(tasks, journal):
    """Each task came back once, as it must."""
    wrong = []
    for task in tasks:
        results = journal.results.get(task.index, [])
        if len(results) != 1:
            wrong.append(f"task {task.index} has {len(results)} results")
            continue
        words = results[0]
        if words[0] == "ok":
            if int(words[1]) != result_of(task.index):
                wrong.append(f"task {task.index} gave {words[1]}")
        elif task.kind != "fragile" or words[1] not in ("EngineError", "EngineDied"):
            wrong.append(f"task {task.index} ({task.kind}) failed: {' '.join(words[1:])}")
    wrong += [f"task {index} came back twice" for index in journal.twice]
    return wrong


def repeated_replies(journal):
    return sum(count - 1 for count in journal.answers.values())


class Runs:
    """What the engines noted of every run of every task."""

    def __init__(self, name):
        self.starts = collections.defaultdict(list)
        self.good_ends = collections.defaultdict(list)
        try:
            with open(name, encoding="utf-8") as file:
                for line in file:
                    what, index, moment, _ = line.split()
                    if what == "start":
                        self.starts[int(index)].append(int(moment))
                    elif what == "ended":
                        self.good_ends[int(index)].append(int(moment))
        except FileNotFoundError:
            pass

    def further_runs(self):
        return sum(len(starts) - 1 for starts in self.starts.values())


def check_order(tasks, runs):
    """No task began before those it waits for had ended well (or, for some, at all)."""
    wrong = []
    for task in tasks:
        if task.either:
            continue  # dependencies that died leave no note
        for needed in task.after:
            ends = runs.good_ends.get(needed)
            for start in runs.starts.get(task.index, []):
                if not ends or min(ends) > start:
                    wrong.append(f"task {task.index} began before task {needed} had ended")
    return wrong


def check_records(peer, journal):
    """Every submitted task has one final record, and nothing waits or runs any more."""
    deadline = time.monotonic() + SETTLING
    while True:
        unfinished = ask(peer, "db_request", {"query": {"completed": None}, "keys": ["msg_id"]})
        queue = ask(peer, "queue_request", {"targets": None, "verbose": False})
        left = {record["msg_id"] for record in unfinished["records"]}
        busy = [q for q in queue.values() if isinstance(q, dict) and q.get("tasks")]
        if not left and not busy and not queue.get("unassigned"):
            break
        if time.monotonic() > deadline:
            return [f"{len(left)} records never end ({sorted(left)[:5]}), queue: {queue}"]
        time.sleep(0.1)
    history = ask(peer, "history_request", {})["history"]
    wrong = []
    if len(history) != len(set(history)):
        wrong.append("a task has two records")
    missing = [ids[-1] for ids in journal.ids.values() if ids[-1] not in set(history)]
    if missing:
        wrong.append(f"{len(missing)} tasks have no record, {missing[:5]}")
    return wrong


def describe_pending(peer, journal):
    """One line for each of the first tasks that are out, and how the queue stands."""
    out = {i: ids[-1] for i, ids in journal.ids.items() if i not in journal.results}
    keys = ["msg_id", "engine_uuid", "completed", "client_uuid"]
    found = ask(peer, "db_request", {"query": {"msg_id": {"$in": sorted(out.values())}},
                                     "keys": keys})["records"]
    records = {record["msg_id"]: record for record in found}
    kinds = collections.Counter(
        "unknown" if i not in records else "finished" if records[i]["completed"] else
        "running" if records[i]["engine_uuid"] else "waiting" for i in out.values())
    lines = [f"; of those out are {dict(kinds)}",
             str(ask(peer, "queue_request", {"targets": None, "verbose": False}))]
    lines += [f"{i}: {records.get(msg_id, msg_id + ' is unknown')}"
              for i, msg_id in sorted(out.items())[:12]]
    return "\n    ".join(lines)


def ask(peer, request, content):
    kind, reply = peer.ask(request, content)
    if reply.get("status") != "ok":
        raise Failure(f"{request} was answered with {kind}: {reply}")
    return reply


def missing_contents(database, folder):
    """Large buffers that do not lie where the database says."""
    identity = database.execute("SELECT id FROM identity").fetchone()[0]
    wrong = []
    for segment, end in database.execute(
            "SELECT segment, max(offset + size) FROM contents WHERE segment IS NOT NULL"
            " GROUP BY segment"):
        file = os.path.join(folder, f"{identity}-{segment:06}")
        if not os.path.exists(file) or os.path.getsize(file) < end:
            wrong.append(f"{file} has no {end} bytes")
    return wrong


def check_database(profile, journal, excused=()):
    """The file is sound, and its records end as the replies did. Of the excused tasks a reply may
    have been ahead of its record when controller and engine died together."""
    name = os.path.join(profile, "trireme.db")
    with sqlite3.connect(name) as database:
        verdict = database.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            return [f"{name}: {verdict}"]
        rows = database.execute("SELECT msg_id, completed, ended_ok FROM records").fetchall()
        missing = missing_contents(database, name + "-contents")
    if missing:
        return missing
    ends = {msg_id: bool(ended_ok) for msg_id, completed, ended_ok in rows if completed}
    wrong = []
    for index, results in journal.results.items():
        msg_id = journal.ids[index][-1]
        if msg_id not in ends:
            wrong.append(f"task {index} ({msg_id}) has no final record")
        elif ends[msg_id] != (results[0][0] == "ok") and (ends[msg_id] or index not in excused):
            wrong.append(f"task {index} came back {' '.join(results[0])}; its record says "
                         + ("ok" if ends[msg_id] else "error"))
    return wrong
