# SPDX-License-Identifier: LGPL-2.1-or-later
"""What events and checks share: one lab, its resources, what is wanted of them."""

import collections
import os
import re
import time
import xml.etree.ElementTree as ET

from lab import cluster
from lab.state import Lab
from support.base import LabError

NODES, REMOTES, GUEST = ("n1", "n2"), ("r1", "r2"), "g1"
HOSTS = (*NODES, *REMOTES, GUEST)
#: hosts with a pacemaker-remoted
MANAGED = (*REMOTES, GUEST)
# Where each plain resource belongs, and the seconds between its monitors.
HOME = {"p1": "r1", "p2": "r2", "p3": "g1", "p4": "r1", "mig": "r1", "ga": "r2", "gb": "r2", "p5": "n2"}
INTERVAL = {"p1": 2, "p2": 3, "p3": 2, "p4": 1, "mig": 3, "ga": 3, "gb": 3, "p5": 2, "cl": 1, "pr": 4}
CLONES = ("cl", "pr")
NAMES = (*HOME, *CLONES)
CONNECTIONS = ("r1", "r2", "vm-g1")

#: a line of the agents' log (agents.py); `interval` in milliseconds, `when` as uptime() gives it
Run = collections.namedtuple("Run", "kind when host name action interval pid status")


def uptime():
    """Seconds since this machine was started; agents say when they ran in these."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class World:
    """A view of the lab; a thread has one of its own (fresh)."""

    def __init__(self, lab, release, ours_execd):
        self.lab, self.release, self.ours_execd = lab, release, ours_execd
        #: what is said of a round beside its problems
        self.notes = []

    def note(self, text):
        self.notes.append(text)

    def fresh(self):
        other = World(Lab(self.lab.dir).load(), self.release, self.ours_execd)
        other.notes = self.notes
        return other

    @property
    def shared(self):
        """The directory that the agents of all hosts see."""
        return os.path.join(self.lab.dir, "power", "chaos")

    def host(self, name):
        return self.lab.host(name)

    def on(self, host, *argv, timeout=30, check=True):
        return self.lab.inside(self.host(host), *argv, timeout=timeout, check=check).stdout

    def admin(self, *argv, timeout=30, check=False):
        """Run a tool on the first cluster node that answers."""
        for node in NODES:
            try:
                result = self.lab.inside(self.host(node), *argv, timeout=timeout, check=False)
            except LabError:
                continue
            if result.returncode == 0 or not check:
                return result.stdout
        if check:
            raise LabError("no node could do: " + " ".join(argv))
        return ""

    def root(self, host):
        return self.lab.root_of(self.host(host))

    def logs(self, host):
        """Paths of what the daemons of a host have written."""
        base = os.path.join(self.lab.hostdir(self.host(host)), "log")
        return [os.path.join(base, name) for name in ("pacemaker/pacemaker.log", "pacemaker-remoted.out")]

    def state(self, host, name):
        """What an agent has left on a host: None, "started" or "promoted"."""
        try:
            with open("%s/run/chaos-%s.state" % (self.root(host), name)) as handle:
                return handle.read().strip() or "started"
        except OSError:
            return None

    def mon(self):
        return cluster.crm_mon(self.lab)

    def cib(self):
        text = self.admin("cibadmin", "-Q")
        return ET.fromstring(text) if text.strip() else None

    def daemon_pids(self, host, name="pacemaker-remoted"):
        return [pid for pid, found, _ in self.lab.processes(self.host(host)) if found == name]

    def place(self, name):
        """The node where a resource runs (for the name of a remote node: its connection)."""
        for _, node, _ in cluster.resource_states(self.lab, name) or []:
            if node:
                return node
        return None

    def agent_runs(self, since):
        """What the agents have logged since then, in order."""
        found = []
        for host in HOSTS:
            path = os.path.join(self.shared, "runs." + host)
            if not os.path.exists(path):
                continue
            with open(path, errors="replace") as handle:
                for line in handle:
                    words = line.split()
                    if len(words) == 8 and re.match(r"\d+\.\d+$", words[1]) and float(words[1]) >= since:
                        found.append(Run(words[0], float(words[1]), *words[2:5], int(words[5]),
                                         int(words[6]), words[7]))
        return sorted(found, key=lambda run: run.when)
