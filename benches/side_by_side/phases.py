# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured. A phase runs inside the sandbox, on daemons of its own, and returns numbers by name;
table.py has their titles and targets."""

import os
import statistics
import time
from contextlib import contextmanager
from dataclasses import dataclass

from . import certificates, client
from .client import DUMMY_AGENT
from .daemon import Daemon
from .errors import BenchError
from .relay import Relay

STARTS = 10
RECURRING = 500
RECURRING_INTERVAL_MS = 10000
TIMELY = 2000
BURST = 3000
# A client that makes one call after the other does not read its notifications meanwhile. Beyond some 1500 upstream
# disconnects it.
REGISTERED = 400
CROWD = 1200
MANY = 1000
CROWD_LIMIT_S = 15
EVICTION_LIMIT_S = 6
# More than a client's buffer holds and may wait for it beside.
EVENTS = 1600


@dataclass(frozen=True)
class Effort:
    """How long things are watched, in seconds."""
    measure_s: float
    settle_s: float
    recurring_s: float  # a whole number of intervals


EFFORTS = {"quick": Effort(2, 1, 10), "full": Effort(15, 5, 60)}


def start_and_stop(path, _program, _effort):
    """Start to listening, and SIGTERM to exit of a daemon that nobody is connected to.

    Upstream's start differs by a factor of ten from one to the next, on an idle machine too, so even the median
    of ten moves by half; the slowest is told beside it."""
    starts, stops = [], []
    for _ in range(STARTS):
        with Daemon(path) as daemon:
            starts.append(daemon.start_ms)
            stops.append(daemon.stop())
    return {"start_ms": statistics.median(starts), "start_max_ms": max(starts), "stop_ms": statistics.median(stops)}


def idle(path, program, effort):
    """Memory before the first connection and after some have come and gone."""
    with Daemon(path) as daemon:
        time.sleep(effort.settle_s)  # not a wait for anything: this is how long it idles
        before = daemon.memory_kib()
        connect = client.measure(program, effort.measure_s, "connect")["connect"]
        after = daemon.memory_kib()
        daemon.stop()
    return {"idle_rss_kib": before["Rss"], "idle_pss_kib": before["Pss"], "idle_private_kib": before["Private_Dirty"],
            "connect_ms": connect["mean_us"] / 1e3, "connected_rss_kib": after["Rss"]}


@contextmanager
def on_one_cpu():
    """Everything that is started meanwhile runs on one CPU. Across CPUs a call waits for two wake-ups, whose cost
    depends on where the scheduler happens to put the two ends."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _info(daemon, program, seconds, key=""):
    """get_rsc_info: its rate, its latency, and what one costs the daemon."""
    before, _ = daemon.cpu_s()
    result = client.measure(program, seconds, "info")["info"]
    after, _ = daemon.cpu_s()
    return {key + "info_rate": result["per_second"], key + "info_p50_us": result["p50_us"],
            key + "info_cpu_us": (after - before) * 1e6 / result["count"]}


def _bare(program, seconds):
    rate, cpu_us = client.bare_calls(program, seconds)
    return {"bare_call_rate": rate, "bare_call_cpu_us": cpu_us}


def calls(path, program, effort):
    """Round trips in which no agent runs."""
    with on_one_cpu(), Daemon(path) as daemon:
        numbers = _info(daemon, program, effort.measure_s)
        poke = client.measure(program, effort.measure_s, "poke")["poke"]
        numbers.update(poke_rate=poke["per_second"], poke_p50_us=poke["p50_us"])
        runs, began = [], time.perf_counter()
        while not runs or time.perf_counter() - began < effort.measure_s:
            runs.append(client.measure(program, effort.measure_s, "register", most=REGISTERED))
        for name in ("register", "unregister"):
            numbers[name + "_rate"] = statistics.median(run[name]["per_second"] for run in runs)
        daemon.stop()
        numbers.update(_bare(program, effort.measure_s))
    return numbers


def agents(path, program, effort):
    """Executions of agents, and the same agent started by a loop that does nothing else."""
    numbers = {}
    with Daemon(path) as daemon:
        for in_flight in (1, 4, 32):
            before = daemon.own_cpu_us()
            result = client.measure(program, effort.measure_s, "exec", str(in_flight))["exec"]
            numbers[f"exec_{in_flight}_rate"] = result["per_second"]
            numbers[f"exec_{in_flight}_own_us"] = (daemon.own_cpu_us() - before) / result["count"]
        result = client.measure(program, effort.measure_s, "exec", "1", agent=DUMMY_AGENT)["exec"]
        numbers["dummy_rate"] = result["per_second"]
        daemon.stop()
    for in_flight in (1, 32):
        numbers[f"bare_{in_flight}_rate"] = client.bare_loop(effort.measure_s, in_flight)
    return numbers


def burst(path, program, effort):
    """Agents that are to start at the same moment, and how long another client waits meanwhile."""
    with Daemon(path) as daemon:
        before = daemon.own_cpu_us()
        results = client.measure(program, effort.measure_s, "burst", str(BURST))
        own_us = daemon.own_cpu_us() - before
        daemon.stop()
    return {"burst_s": results["burst"]["max_us"] / 1e6, "burst_own_us": own_us / BURST,
            "burst_info_max_ms": results["bystander"]["max_us"] / 1e3}


def recurring(path, program, effort):
    """What recurring monitors cost, once all of them have begun."""
    with Daemon(path) as daemon, client.Recurring(program, RECURRING, RECURRING_INTERVAL_MS) as monitors:
        monitors.results()
        began, (own, children) = time.perf_counter(), daemon.cpu_s()
        time.sleep(effort.recurring_s)
        own_after, children_after = daemon.cpu_s()
        memory = daemon.memory_kib()
        (ended, _), seconds = monitors.results(), time.perf_counter() - began
        expected = RECURRING * seconds * 1e3 / RECURRING_INTERVAL_MS
        if ended < expected / 10:  # that much a busy machine may be late
            raise BenchError(f"{path}: {ended} recurring monitors ended in {seconds:.0f} s, about {expected:.0f} were due")
        stop_ms = daemon.stop()
    return {"recurring_own_s": (own_after - own) * 1e3 / ended,
            "recurring_children_s": (children_after - children) * 1e3 / ended,
            "recurring_rss_kib": memory["Rss"], "recurring_stop_ms": stop_ms}


def lateness(path, program, effort):
    """How late the results of many recurring monitors are that began evenly spread over one interval. The time of
    the agent's run and of the message is in it."""
    interval_s = RECURRING_INTERVAL_MS / 1e3
    with Daemon(path) as daemon, client.Recurring(program, TIMELY, RECURRING_INTERVAL_MS,
                                                  spread_ms=RECURRING_INTERVAL_MS) as monitors:
        # The first results of all have come, and have nothing to be late after.
        time.sleep(1)
        monitors.results()
        seconds = max(interval_s, effort.recurring_s)
        time.sleep(seconds)
        ended, late_ms = monitors.results()
        if ended < TIMELY * seconds / interval_s * 0.9:
            raise BenchError(f"{path}: only {ended} of {TIMELY} recurring monitors ended in {seconds:.0f} s")
        daemon.stop()
    return {"late_max_ms": late_ms}


def crowd(path, program, effort):
    """Clients that connect and never read: what they cost, whether others are still served meanwhile, and whether
    they are gone once more has happened than may wait for a client."""
    with Daemon(path) as daemon:
        before = daemon.sockets()
        with client.Crowd(program, CROWD, CROWD_LIMIT_S) as clients:
            numbers = {"crowd_s": clients.seconds, "crowd_clients": daemon.sockets() - before,
                       "crowd_rss_kib": daemon.memory_kib()["Rss"]}
            if clients.complete:
                result = client.measure(program, effort.measure_s, "info")["info"]
                numbers["crowd_info_rate"] = result["per_second"]
                began = time.perf_counter()
                for _ in range(EVENTS // REGISTERED // 2):
                    client.measure(program, CROWD_LIMIT_S, "register", most=REGISTERED)
                while daemon.sockets() > before and time.perf_counter() - began < EVICTION_LIMIT_S:
                    time.sleep(0.1)
                numbers["crowd_left"] = daemon.sockets() - before
                numbers["crowd_evicted_s"] = time.perf_counter() - began
        daemon.stop()
    return numbers


def library_calls(library, program, effort):
    """The same client on a library, against each daemon."""
    words, numbers = ["env", "LD_LIBRARY_PATH=" + library, *program], {}
    with on_one_cpu():
        for key, name in (("up", "distribution"), ("own", "ours")):
            with Daemon(client.PROGRAMS["servers"][name]) as daemon:
                connect = client.measure(words, effort.measure_s, "connect")["connect"]
                numbers[key + "_connect_ms"] = connect["mean_us"] / 1e3
                numbers.update(_info(daemon, words, effort.measure_s, key + "_"))
                daemon.stop()
        numbers.update(_bare(program, effort.measure_s))
    return numbers


def many(library, _program, effort):
    """Many connections of one main loop, one of them to a peer that stops once all are there. Upstream's library waits
    for each handshake in turn, so that it does not come far."""
    with Daemon(client.PROGRAMS["servers"]["ours"]) as daemon, Relay() as relay:
        result = client.many(library, MANY, relay.port, max(effort.measure_s, 4))
        daemon.stop()
    return {"many_up": result["up"], "many_up_s": result["up_s"], "many_iteration_ms": result["before_ms"],
            "many_frozen_iteration_ms": result["frozen_ms"]}


# The phases of each daemon, by the name of its program.
PHASES = {
    "pacemaker-remoted": {"start": start_and_stop, "idle": idle, "calls": calls, "agents": agents,
                          "recurring": recurring},
    "pacemaker-execd": {"start": start_and_stop, "idle": idle, "calls": calls, "agents": agents,
                        "burst": burst, "recurring": recurring, "lateness": lateness, "crowd": crowd},
    "liblrmd": {"calls": library_calls, "many": many},
    "certificates": {"credentials": certificates.credentials},
}
