"""What a chaos run does: tasks with their dependencies, and faults, both drawn from a seed."""

import random

RETRIES = 50  # enough for every engine that dies


class Task:
    """One task of the plan: sure and flaky ones must end well, fragile ones may die."""

    def __init__(self, index, kind, milliseconds, after, either):
        self.index = index
        self.kind = kind
        self.milliseconds = milliseconds
        self.after = after
        self.either = either
        self.retries = 0 if kind == "fragile" else RETRIES

    def line(self):
        after = ",".join(map(str, self.after)) or "-"
        return (f"{self.index} {self.kind} {self.milliseconds} {self.retries} "
                f"{int(self.either)} {after}\n")


def draw_tasks(count, milliseconds_max, seed):
    """Most tasks stand alone; others wait for up to three of the hundred before them."""
    dice = random.Random(f"tasks {seed}")
    tasks = []
    for index in range(count):
        kind = dice.choices(("sure", "flaky", "fragile"), (85, 5, 10))[0]
        after = []
        if index and dice.random() < 0.3:
            earlier = range(max(0, index - 100), index)
            after = sorted(dice.sample(earlier, min(len(earlier), dice.randint(1, 3))))
        either = any(tasks[i].kind == "fragile" for i in after)
        tasks.append(Task(index, kind, dice.randint(0, milliseconds_max), after, either))
    return tasks


FAULTS = {
    # name: how often, compared with the others
    "kill-engine": 4,
    "kill-engine-alone": 2,
    "kill-client": 2,
    "kill-controller": 2,
    "freeze-engine": 3,
    "freeze-controller": 2,
    "freeze-client": 2,
    "cut-engines": 2,
    "cut-clients": 2,
}


def draw_faults(names, pause, seed):
    """Endless: (seconds to wait, fault, number for details); each kind once, then by weight."""
    dice = random.Random(f"faults {seed}")
    weights = [FAULTS[name] for name in names]
    first = dice.sample(names, len(names))
    while True:
        name = first.pop() if first else dice.choices(names, weights)[0]
        yield (dice.uniform(0.2, 1.8) * pause, name, dice.random())
