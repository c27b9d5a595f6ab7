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
#: one that begins later than so many intervals was left out
LATE = 1.8
#: seconds that a process may be late on this machine without a word about a monitor
STARVED = 0.15


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
    """Do monitors recur between two times in which the cluster had nothing to do?  (problems, judged gaps)"""
    wrong, judged = [], 0
    series, duration = collections.defaultdict(list), {}
    busy = {(run.host, run.name) for run in runs if run.interval == 0 and begin <= run.when <= end}
    for run in runs:
        if run.interval and run.when <= end:
            if run.kind == "B":
                series[run.host, run.name, run.interval].append(run)
            elif run.kind == "E":
                duration[run.host, run.pid] = run.when
    for (host, name, interval), found in series.items():
        if (host, name) in busy:
            continue
        for first, second in zip(found, found[1:]):
            if first.when < begin:
                continue
            judged += 1
            gap, least = second.when - first.when, interval / 1000
            took = duration.get((host, first.pid), first.when) - first.when
            late = metronome.latest(first.when, second.when)
            text = "monitor of %s on %s, every %.0f s: %.2f s after the last one (a process was %.2f s late)" % (
                name, host, least, gap, late)
            if gap < SOON * least or gap > LATE * least + took and late < STARVED:
                wrong.append(text)
    return wrong + missing(series, begin, end), judged


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


def missing(series, begin, end):
    """Monitors that do not recur at all, or recur where they should not."""
    wrong, seconds = [], end - begin
    for host in HOSTS:
        for name in NAMES:
            here = name in CLONES or HOME[name] == host
            count = sum(begin <= run.when <= end for key, found in series.items() if key[:2] == (host, name)
                        for run in found)
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
