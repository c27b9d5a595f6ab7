# SPDX-License-Identifier: LGPL-2.1-or-later
"""Was each run asked for, did each result come from a run, does each monitor recur in time?"""

import collections
import re
import subprocess
import threading
import time

from chaos.world import CLONES, HOME, HOSTS, INTERVAL, NAMES, uptime

REQUEST = re.compile(r"Requesting local execution of (\w+) operation for (\S+) on (\S+)")
RESULT = re.compile(r"Result of (\w+) operation for (\S+) on (\S+): ([^|]*)")
# The controller gives itself the result of a notification that it cannot send.
INVENTED = "call=999999999"
#: what 2.1's messages call a probe; a recurring monitor has the same name
PROBES = ("monitor", "probe")
#: events after which the controller guesses the results of a daemon that is gone
DISRUPTIVE = {"remoted_killed", "remote_power", "node_power", "execd_killed", "controller_killed", "log_full",
              "memory_short", "controllers_split", "controller_stale", "remoted_terminated"}
#: a run that begins sooner than this part of its interval after the last one was doubled
SOON = 0.5
#: one that begins later than so many intervals, and what its machine is late, was left out
LATE = 1.6
#: events that concern agents alone, so that all other monitors recur meanwhile
GENTLE = {"agent_fails", "agent_loud", "agent_slow", "agent_hangs", "restart_many", "migrate", "clients_killed",
          "clock_steps"}


class Metronome:
    """How late a process is on this machine, which other work may starve: sampled twice a second."""

    def __init__(self):
        self.samples, self.ended = [], threading.Event()
        self.thread = threading.Thread(target=self.beat, daemon=True)
        self.thread.start()

    def beat(self):
        while not self.ended.is_set():
            begun = time.monotonic()
            self.ended.wait(0.5)
            subprocess.run(["/bin/bash", "-c", "read -r up _ </proc/uptime"], check=False)
            self.samples.append((uptime(), time.monotonic() - begun - 0.5))

    def stop(self):
        self.ended.set()
        self.thread.join()

    def latest(self, begin, end):
        """How late a process was, at most, in a time and around it."""
        return max((late for when, late in self.samples if begin - 1 <= when <= end + 1), default=0)


def recurrence(runs, begin, end, metronome):
    """Do monitors recur in time, as long as nothing else is done to their resource?  (problems, judged gaps)"""
    wrong, judged, last, ended = [], 0, {}, {}
    for run in runs:
        key = (run.host, run.name, run.interval)
        if run.kind == "E":
            ended[run.host, run.pid] = run.when
        elif run.kind == "B" and not run.interval:
            last = {other: first for other, first in last.items() if other[:2] != key[:2]}
        elif run.kind == "B":
            first, last[key] = last.get(key), run
            # One without an end was killed when its time was up.
            if first and begin <= first.when and run.when <= end and (first.host, first.pid) in ended:
                judged += 1
                wrong += untimely(first, run, ended[first.host, first.pid], metronome)
    return wrong, judged


def untimely(first, second, ended, metronome):
    """What is wrong about the time between two runs of a monitor, of which the first has ended."""
    gap, interval = second.when - first.when, first.interval / 1000
    late = metronome.latest(first.when, second.when)
    if SOON * interval <= gap <= LATE * interval + (ended - first.when) + late:
        return []
    return ["monitor of %s on %s, every %.0f s: %.2f s after the last one (a process was %.2f s late)" % (
        first.name, first.host, interval, gap, late)]


def sooner(runs, texts):
    """Runs of monitors sooner than their interval, each of which must be the first of a monitor that was asked for."""
    asked, soon, last = collections.Counter(), collections.Counter(), {}
    for match in REQUEST.finditer("\n".join(texts.values())):
        if match[1] in PROBES:
            asked[match[2], match[3]] += 1
    for run in runs:
        if run.kind == "B" and run.interval:
            key = (run.name, run.host, run.interval)
            soon[key[:2]] += key in last and run.when - last[key] < SOON * run.interval / 1000
            last[key] = run.when
    return ["%d monitors of %s on %s came too soon, %d were asked for" % (soon[key], *key, asked[key])
            for key in sorted(soon) if soon[key] > asked[key]]


def missing(runs, begin, end):
    """Monitors that do not recur at all, or recur where they should not."""
    wrong, seconds = [], end - begin
    counts = collections.Counter((run.host, run.name) for run in runs
                                 if run.kind == "B" and run.interval and begin <= run.when <= end)
    for host in HOSTS:
        for name in NAMES:
            here, count = name in CLONES or HOME[name] == host, counts[host, name]
            if here and not count and seconds > 2 * INTERVAL[name]:
                wrong.append("no monitor of %s on %s within %.0f s" % (name, host, seconds))
            if not here and count > 1:
                wrong.append("%d monitors of %s on %s, where it does not run" % (count, name, host))
    return wrong


def overlapping(runs):
    return ["two runs at once: %s on %s, %s, pid %d" % (run.name, run.host, run.action, run.pid)
            for run in runs if run.kind == "O"]


def against_requests(runs, texts, kinds):
    """What the controllers of the nodes say they asked for and got, beside what ran: (problems, notes)."""
    begun, ended = counted(runs)
    asked, good = collections.Counter(), collections.Counter()
    for line in "\n".join(texts.values()).splitlines():
        match = REQUEST.search(line)
        if match:
            asked[match.groups()] += 1
        match = None if INVENTED in line else RESULT.search(line)
        if match and match[4].strip() == "ok" and match[1] not in PROBES:
            good[match.groups()[:3]] += 1
    wrong = ["%s of %s on %s ran %d times, was asked for %d times" % (*key, begun[key], asked[key])
             for key in sorted(begun) if key[0] not in ("validate-all", "monitor") and begun[key] > asked[key]]
    wrong += ["%s of %s on %s was ok %d times, ended well %d times" % (*key, good[key], ended[key])
              for key in sorted(good) if key[1] in NAMES and good[key] > ended[key]]
    wrong += ["the promotion score could not be set on %s: %s" % (run.host, run.action)
              for run in runs if run.kind == "S"]
    return ([], wrong) if kinds & DISRUPTIVE else (wrong, [])


def counted(runs):
    """How often each action that does not recur began, and ended well."""
    begun, ended = collections.Counter(), collections.Counter()
    for run in runs:
        if not run.interval:
            key = (run.action, run.name, run.host)
            begun[key] += run.kind == "B"
            ended[key] += run.kind == "E" and run.status == "0"
    return begun, ended


def history(world, since, skipped):
    """What the CIB says was done on a host is in the agents' log; hosts whose clock was set are skipped."""
    cib = world.cib()
    if cib is None:
        return ["no CIB"]
    offset = time.time() - uptime()
    runs, wrong = world.agent_runs(since - 5), []
    for state in cib.iter("node_state"):
        host = state.get("uname") or state.get("id")
        for resource in state.iter("lrm_resource"):
            name = resource.get("id", "").split(":")[0]
            if name in NAMES and host not in skipped:
                wrong += [unheard_of(entry, name, host) for entry in resource.iter("lrm_rsc_op")
                          if was_run(entry, since + offset) and not any(
                              (run.host, run.name, run.action) == (host, name, entry.get("operation"))
                              and abs(run.when + offset - int(entry.get("last-rc-change"))) < 8 for run in runs)]
    return wrong


def was_run(entry, since):
    """Does an entry of the history tell of an action that does not recur, which went well since then?"""
    return (entry.get("op-status") == "0" and entry.get("interval", "0") == "0"
            and entry.get("operation") not in ("delete", "refresh", "meta-data")
            and int(entry.get("last-rc-change") or 0) >= since)


def unheard_of(entry, name, host):
    return "the CIB knows %s of %s on %s (call %s, status %s, at %s), which no agent ran" % (
        entry.get("operation"), name, host, entry.get("call-id"), entry.get("rc-code"), entry.get("last-rc-change"))
