# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemons under test: which processes they are, and what they hold and leave behind."""

import collections
import contextlib
import os
import re
import time

from chaos.world import HOSTS, MANAGED, NODES
from support.base import LabError

BAD_LINE = re.compile(r"\b(error|crit|alert|emerg)\b ?:|panicked|assert", re.I)
Facts = collections.namedtuple("Facts", "rss descriptors shm zombies")
#: an executor's connection to the fencer comes with the device and stays
SPARE = {"pacemaker-execd": 4, "pacemaker-remoted": 2}


def watched(world):
    """{(host, name): pid} of the daemons under test."""
    found = {}
    for name, hosts in (("pacemaker-remoted", MANAGED), ("pacemaker-execd", NODES if world.ours_execd else ())):
        for host in hosts:
            for pid in world.daemon_pids(host, name):
                found.setdefault((host, name), pid)
    return found


def may_restart(key, events):
    """Can what was done have led to another process of this daemon?"""
    host, _ = key
    for event in events:
        if host in event.parameters.values() or event.name in (
                "node_power", "controller_killed", "execd_killed", "controllers_split", "controller_stale"):
            return True
        # A guest moves with its node; a refresh of its connection's failure recovers it.
        if host == "g1" and event.name in ("standby", "refresh") and event.parameters.get("host") != "r1":
            return True
    return False


def status_of(pid):
    """The fields of /proc/PID/status, or {} if it is gone."""
    try:
        with open("/proc/%d/status" % pid) as handle:
            return dict(line.rstrip("\n").split(":\t", 1) for line in handle if ":\t" in line)
    except OSError:
        return {}


def inner_pid(pid):
    """The number of a process in its own host, as text."""
    return (status_of(pid).get("NSpid") or "").split("\t")[-1]


def descriptors(pid):
    """What the descriptors of a process are, as words."""
    found = []
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc/%d/fd" % pid):
            with contextlib.suppress(OSError):
                found.append(re.sub(r"\d+", "N", os.readlink("/proc/%d/fd/%s" % (pid, name))))
    return collections.Counter(found)


def zombies(pid):
    """Children that have ended and were not waited for within a third of a second."""
    def ended():
        found = set()
        with contextlib.suppress(OSError):
            for task in os.listdir("/proc/%d/task" % pid):
                with open("/proc/%d/task/%s/children" % (pid, task)) as handle:
                    found |= {int(word) for word in handle.read().split()}
        return {child for child in found if status_of(child).get("State", "").startswith("Z")}

    first = ended()
    if first:
        time.sleep(0.3)
        first &= ended()
    return sorted(first)


def shm_files(world, host, pid):
    """What connections to this daemon of processes that are gone have left in /dev/shm."""
    with contextlib.suppress(OSError, LabError):
        alive = {inner_pid(found[0]) for found in world.lab.processes(world.host(host))}
        names = [name.split("-") for name in os.listdir(world.root(host) + "/dev/shm")]
        return sorted("-".join(name) for name in names if name[0] == "qb" and len(name) > 2
                      and name[1] == inner_pid(pid) and name[2] not in alive)
    return []


def facts(world, host, pid):
    fields = status_of(pid)
    if not fields:
        return None
    return Facts(int(fields.get("VmRSS", "0 kB").split()[0]), descriptors(pid), shm_files(world, host, pid),
                 zombies(pid))


class Holdings:
    """Descriptors, memory and files of the daemons, compared with when they were first idle."""

    def __init__(self):
        self.first = {}

    def check(self, world):
        """(problems, notes)"""
        wrong, notes = [], []
        for key, pid in watched(world).items():
            now = self.least(world, key[0], pid)
            if now is None:
                continue
            if now.zombies:
                wrong.append("%s %s has zombies %s" % (*key, now.zombies))
            old = self.first.setdefault((key, pid), now)
            if now.descriptors.total() > old.descriptors.total() + SPARE[key[1]]:
                wrong.append("%s %s has %d descriptors, had %d: %s" % (
                    *key, now.descriptors.total(), old.descriptors.total(),
                    dict(now.descriptors - old.descriptors)))
            if len(now.shm) > len(old.shm):
                wrong.append("%s %s left in /dev/shm: %s" % (*key, now.shm[:6]))
            if now.rss > old.rss * 1.2 + 512:
                notes.append("%s %s has %d KiB of memory, had %d" % (*key, now.rss, old.rss))
        return wrong, notes

    @staticmethod
    def least(world, host, pid):
        """The smallest of some looks: what is in flight just now is no leak."""
        looks = []
        for _ in range(6):
            found = facts(world, host, pid)
            if found:
                looks.append(found)
            time.sleep(0.35)
        return min(looks, key=lambda found: (found.descriptors.total(), len(found.zombies)), default=None)


def leftovers(world):
    """Processes that are no daemon's and are there twice, some seconds apart."""
    def agents():
        return {(host, pid): line for host in HOSTS for pid, name, line in world.lab.processes(world.host(host))
                if name != "corosync" and not name.startswith("pacemaker")}

    first = agents()
    if not first:
        return []
    time.sleep(3)
    second = agents()
    return ["process left on %s: %d %s" % (*key, line[:120]) for key, line in first.items() if key in second]


def bad_lines(texts):
    """Lines of our daemons that say error or worse."""
    return ["%s: %s" % (host, line[:300]) for host, text in texts.items() for line in text.splitlines()
            if BAD_LINE.search(line)]


def panics(texts):
    """A daemon that panics is never as it should be, whatever was done to it."""
    return [line for line in bad_lines(texts) if "panic" in line]
