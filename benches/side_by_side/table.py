# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table: one line a measure, one column a daemon, and each daemon's ratio to the first."""

LOWER, HIGHER = "less", "more"

# name, title, which direction is better
MEASURES = [
    ("start_ms", "start to listening, median of 10, ms", LOWER),
    ("start_max_ms", "start to listening, slowest, ms", LOWER),
    ("stop_ms", "shutdown when idle, median, ms", LOWER),
    ("idle_rss_kib", "idle, resident, KiB", LOWER),
    ("idle_pss_kib", "idle, proportional, KiB", LOWER),
    ("idle_private_kib", "idle, private, KiB", LOWER),
    ("connect_ms", "connect, mean, ms", LOWER),
    ("connected_rss_kib", "after the connects, resident, KiB", LOWER),
    ("info_rate", "get_rsc_info, a second", HIGHER),
    ("info_p50_us", "get_rsc_info, p50, us", LOWER),
    ("poke_rate", "poke, a second", HIGHER),
    ("register_rate", "register, a second", HIGHER),
    ("unregister_rate", "unregister, a second", HIGHER),
    ("exec_1_rate", "minimal agent, 1 in flight, a second", HIGHER),
    ("exec_4_rate", "minimal agent, 4 in flight, a second", HIGHER),
    ("exec_32_rate", "minimal agent, 32 in flight, a second", HIGHER),
    ("dummy_rate", "ocf:pacemaker:Dummy monitor, a second", HIGHER),
    ("recurring_own_s", "1000 recurring monitors, daemon CPU, s", LOWER),
    ("recurring_children_s", "1000 recurring monitors, children CPU, s", LOWER),
    ("recurring_rss_kib", "with 500 recurring, resident, KiB", LOWER),
    ("recurring_stop_ms", "shutdown with 500 recurring, ms", LOWER),
]


def _number(value):
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def _ratio(value, base):
    return f"{value / base:.2f}" if base > 0 else "-"


def _rows(results):
    names = list(results)
    base = results[names[0]]
    yield ["measure", "better", *names, *(f"{name}/{names[0]}" for name in names[1:])]
    for measure, title, better in MEASURES:
        if measure not in base:
            continue  # a phase that was not asked for
        values = [results[name][measure] for name in names]
        yield [title, better, *map(_number, values), *(_ratio(value, values[0]) for value in values[1:])]


def render(results):
    """results: daemon name to measure name to number, the base of the ratios first."""
    rows = list(_rows(results))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if column < 2 else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(lines)
