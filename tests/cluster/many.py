# SPDX-License-Identifier: LGPL-2.1-or-later
"""A great number of resources on three nodes with our pacemaker-execd."""

import collections
import os

from cluster import agents
from cluster.node_scenario import NODES, NodeScenario, primitive
from lab import cluster

MANY, ADDED, DELETED = 500, 50, 20


class Many(NodeScenario):
    options = ("--nodes", "3", "--remotes", "0")
    patience = 1500

    def test_start(self):
        """500 resources are probed everywhere, and started, fifty at a time"""
        self.executors = {host: self.executor_pids(host) for host in NODES}
        self.agent("Small", agents.SMALL)
        # On a busy machine, 1500 probes at once silence 2.1's CIB manager until pacemakerd kills it.
        for first in range(0, MANY, ADDED):
            self.add("".join(primitive("many-%d" % number, agent="ocf:lab:Small", interval="20s")
                             for number in range(first, first + ADDED)))
            self.eventually("%d to run" % (first + ADDED), lambda n=first + ADDED:
                            sum(self.counts().values()) == n, 200, 0.5)
            self.settle()
        self.expect(min(self.counts().values()) > MANY / 4, self.counts())
        self.expect(not cluster.crm_mon(self.lab).findall("failures/failure"), "some have failed")

    def test_monitor(self):
        """All 500 are monitored again and again"""
        self.eventually("three monitors of each", lambda: self.monitored(3) == MANY, 120, 1)

    def test_stop(self):
        """All 500 are stopped at once"""
        self.on("n1", "crm_attribute", "-n", "stop-all-resources", "-v", "true")
        self.eventually("none to run", lambda: not sum(self.counts().values()), 300, 1)
        self.settle()

    def test_delete(self):
        """All 500 are deleted, twenty at a time, and nothing is left of them"""
        # Each takes its history on three nodes along, which is still more work for the CIB manager.
        for first in range(0, MANY, DELETED):
            names = ["many-%d" % number for number in range(first, first + DELETED)]
            self.on("n1", "cibadmin", "--delete-all", "--force", "--xpath",
                    "//resources/primitive[%s]" % " or ".join("@id='%s'" % name for name in names))
            self.eventually("no history of %s to %s" % (names[0], names[-1]),
                            lambda n=set(names): not self.remembered(n), 200, 1)
        self.expect(not cluster.crm_mon(self.lab).findall("failures/failure"), "some have failed")
        for host in NODES:
            self.expect(self.executor_pids(host) == self.executors[host],
                        "another executor on " + host)

    def remembered(self, names):
        return names & {entry.get("id") for entry in self.cib().iter("lrm_resource")}

    def counts(self):
        """How many run, for each node, as their state files say."""
        return collections.Counter({host: sum(
            name.startswith("lab-small-") and name.endswith(".state")
            for name in os.listdir(self.root(host) + "/run")) for host in NODES})

    def monitored(self, times):
        """How many have been monitored at least so many times while they ran."""
        found = 0
        for host in NODES:
            directory = self.root(host) + "/run/"
            found += sum(os.path.getsize(directory + name) >= times
                         for name in os.listdir(directory) if name.endswith(".monitors"))
        return found
