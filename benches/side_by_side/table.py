# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table: one line a measure, one column a daemon, each daemon's ratio to the first, and what the last is meant
to reach."""

from .targets import TARGETS

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
    ("info_cpu_us", "get_rsc_info, daemon CPU a call, us", LOWER),
    ("poke_rate", "poke, a second", HIGHER),
    ("register_rate", "register, a second", HIGHER),
    ("unregister_rate", "unregister, a second", HIGHER),
    ("up_connect_ms", "connect to the distribution's daemon, mean, ms", LOWER),
    ("up_info_rate", "get_rsc_info of the distribution's daemon, a second", HIGHER),
    ("own_connect_ms", "connect to our daemon, mean, ms", LOWER),
    ("own_info_rate", "get_rsc_info of our daemon, a second", HIGHER),
    ("own_info_p50_us", "get_rsc_info of our daemon, p50, us", LOWER),
    ("own_info_cpu_us", "get_rsc_info of our daemon, its CPU a call, us", LOWER),
    ("bare_call_rate", "  bare echo over the same transport, a second", HIGHER),
    ("bare_call_cpu_us", "  its server's CPU a round, us", LOWER),
    ("psk_connect_rate", "key: connect, a second", HIGHER),
    ("psk_connect_cpu_us", "key: connect, daemon CPU, us", LOWER),
    ("psk_info_rate", "key: get_rsc_info, a second", HIGHER),
    ("psk_info_cpu_us", "key: get_rsc_info, daemon CPU a call, us", LOWER),
    ("p256_connect_rate", "P-256: connect, a second", HIGHER),
    ("p256_connect_cpu_us", "P-256: connect, daemon CPU, us", LOWER),
    ("p256_info_rate", "P-256: get_rsc_info, a second", HIGHER),
    ("p256_info_cpu_us", "P-256: get_rsc_info, daemon CPU a call, us", LOWER),
    ("rsa_connect_rate", "RSA 2048: connect, a second", HIGHER),
    ("rsa_connect_cpu_us", "RSA 2048: connect, daemon CPU, us", LOWER),
    ("rsa_info_rate", "RSA 2048: get_rsc_info, a second", HIGHER),
    ("rsa_info_cpu_us", "RSA 2048: get_rsc_info, daemon CPU a call, us", LOWER),
    ("many_up", "1000 connections, connected", HIGHER),
    ("many_up_s", "  connected after, s", LOWER),
    ("many_iteration_ms", "  longest turn of the main loop, CPU, ms", LOWER),
    ("many_frozen_iteration_ms", "  the same with one peer frozen", LOWER),
    ("exec_1_rate", "minimal agent, 1 in flight, a second", HIGHER),
    ("exec_1_own_us", "  daemon CPU a run, us", LOWER),
    ("exec_4_rate", "minimal agent, 4 in flight, a second", HIGHER),
    ("exec_4_own_us", "  daemon CPU a run, us", LOWER),
    ("exec_32_rate", "minimal agent, 32 in flight, a second", HIGHER),
    ("exec_32_own_us", "  daemon CPU a run, us", LOWER),
    ("bare_1_rate", "  bare posix_spawn and wait, 1 in flight", HIGHER),
    ("bare_32_rate", "  bare posix_spawn and wait, 32 in flight", HIGHER),
    ("dummy_rate", "ocf:pacemaker:Dummy monitor, a second", HIGHER),
    ("burst_s", "3000 agents due at the same moment, the last result after, s", LOWER),
    ("burst_own_us", "  daemon CPU a run, their requests included, us", LOWER),
    ("burst_info_max_ms", "  slowest get_rsc_info of another client, ms", LOWER),
    ("recurring_own_s", "1000 recurring monitors, daemon CPU, s", LOWER),
    ("recurring_children_s", "1000 recurring monitors, children CPU, s", LOWER),
    ("recurring_rss_kib", "with 500 recurring, resident, KiB", LOWER),
    ("recurring_stop_ms", "shutdown with 500 recurring, ms", LOWER),
    ("late_max_ms", "2000 recurring of 10 s, latest (run included), ms", LOWER),
    ("crowd_s", "1200 clients that never read, connected after, s", LOWER),
    ("crowd_clients", "  of them connected", HIGHER),
    ("crowd_rss_kib", "  resident then, KiB", LOWER),
    ("crowd_left", "  left after 1600 more notifications", LOWER),
    ("crowd_evicted_s", "  the others disconnected after, s", LOWER),
    ("crowd_info_rate", "  get_rsc_info of another client, a second", HIGHER),
]


def _number(value):
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def _cells(values):
    """Numbers, and their ratios to the first; a daemon that did not come so far has none."""
    base = values[0]  # may be missing
    yield from ("-" if value is None else _number(value) for value in values)
    for value in values[1:]:
        yield f"{value / base:.2f}" if base and value is not None else "-"


def _judged(measure, program, base, ours):
    """The last daemon's target and whether it is met."""
    targets = TARGETS[program].get(measure, [])
    verdicts = [(target.words, target.verdict(ours[measure], base, ours)) for target in targets if measure in ours]
    return ["; ".join(f"{words} {verdict}" for words, verdict in verdicts if verdict)]


def _rows(program, results):
    names = list(results)
    base, ours = results[names[0]], results[names[-1]]
    yield ["measure", "better", *names, *(f"{name}/{names[0]}" for name in names[1:]), f"target of {names[-1]}"]
    for measure, title, better in MEASURES:
        values = [results[name].get(measure) for name in names]
        if any(value is not None for value in values):
            yield [title, better, *_cells(values), *_judged(measure, program, base, ours)]


def render(program, results):
    """results: daemon name to measure name to number, the base of the ratios first and ours last."""
    rows = list(_rows(program, results))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    last = len(widths) - 1
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if column < 2 or column == last else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join([program, *lines])
