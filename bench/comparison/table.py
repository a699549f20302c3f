"""Medians, ratios and targets: from the figures of all rounds to a table."""

import statistics


def medians(row, by_system):
    return {name: statistics.median(row.value(result) for result in results)
            for name, results in by_system.items()}


def ratio(row, by_system, system, other):
    """The median of the rounds' ratios; none when one of the two was not measured."""
    if system not in by_system or other not in by_system:
        return None
    ratios = [row.value(ours) / row.value(theirs)
              for ours, theirs in zip(by_system[system], by_system[other]) if row.value(theirs)]
    return statistics.median(ratios) if ratios else None


def judge(rows, figures):
    """One dictionary a row: the medians, the ratios asked for, and whether targets are met."""
    lines = []
    for row in rows:
        by_system = figures.get(row.name)
        if not by_system:
            continue
        line = {"row": row.name, "title": row.title, "unit": row.unit,
                "medians": medians(row, by_system), "targets": []}
        for target in row.targets:
            if target.against is None:
                value = line["medians"].get("trireme")
            else:
                value = ratio(row, by_system, "trireme", target.against)
            if value is not None:
                line["targets"].append({"against": target.against, "value": value,
                                        "wanted": target.text(), "met": target.is_met(value)})
        cpu = [result["controller_cpu_us_per_task"] for result in by_system.get("trireme", [])
               if "controller_cpu_us_per_task" in result]
        if cpu:
            line["cpu_us_per_task"] = statistics.median(cpu)
        lines.append(line)
    return lines


def number(value):
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def text(lines):
    systems = [name for name in ("stock", "gearmand", "relay", "trireme")
               if any(name in line["medians"] for line in lines)]
    head = ["row", "unit", *systems, "CPU us/task", "ratios (wanted)"]
    cells = [head]
    for line in lines:
        ratios = "; ".join(
            ("" if target["against"] is None else f"/{target['against']} ")
            + f"{number(target['value'])} ({target['wanted']})"
            + ("" if target["met"] else " MISSED")
            for target in line["targets"])
        values = [number(line["medians"].get(name)) for name in systems]
        cells.append([line["title"], line["unit"], *values, number(line.get("cpu_us_per_task")),
                      ratios])
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    rule = ["-" * width for width in widths]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
                     for row in [cells[0], rule, *cells[1:]])
