# SPDX-License-Identifier: LGPL-2.1-or-later
"""What scenarios about the promises of Pacemaker Remote's documents share."""

import os

from cluster import agents
from cluster.node_scenario import pinned, primitive
from cluster.scenario import Scenario
from lab import cluster, daemons
from support.base import write_file

PROMOTED = ("Promoted", "Master")


def rule(name, attribute, value, score="-INFINITY", operation="ne", role=""):
    """A location constraint by a node's attribute."""
    return ('<rsc_location id="by-%s" rsc="%s"><rule id="by-%s-r" score="%s" %s><expression id="by-%s-e" '
            'attribute="%s" operation="%s" value="%s"/></rule></rsc_location>' % (
                name, name, name, score, role, name, attribute, operation, value))


class Promises(Scenario):
    patience = 480

    def run_on(self, name, host, **more):
        """Add a Dummy that prefers a host, and wait until it runs there."""
        self.add(primitive(name, interval="2s", **more), pinned(name, host))
        self.wait_resource(name, host, settle=False)

    def wait_resource(self, name, state, timeout=120, settle=True):
        """As ever; but a cluster that has not yet noticed what was done shows the past, and is asked again."""
        super().wait_resource(name, state, timeout, False)
        if settle and state in self.lab.state["hosts"]:
            def stays():
                self.settle()
                return cluster.resource_is(self.lab, name, state)

            self.eventually("%s to stay on %s" % (name, state), stays, timeout, 0.5)

    def leaves(self, name, host):
        """Wait until a resource runs elsewhere."""
        self.eventually("%s to leave %s" % (name, host), lambda: self.places(name) not in ([], [host]))

    def daemon_pid(self, host):
        return daemons.status(self.lab, self.lab.host(host))["pid"]

    def restarted(self, host, before, timeout=60):
        """Wait for another daemon of a host: it was power-cycled."""
        self.eventually("%s to be started again" % host, lambda: self.daemon_pid(host) not in (0, before), timeout)

    def failed_actions(self):
        """[(key of the operation, status, reason)] of what the cluster remembers as failed."""
        return [(entry.get("op_key", ""), entry.get("exitstatus"), entry.get("exitreason"))
                for entry in cluster.crm_mon(self.lab).findall("failures/failure")]

    def forget(self, name, node="n1"):
        """Have the cluster forget a node, on one of its nodes."""
        self.on(node, "crm_node", "--force", "--remove", name)
        self.eventually("%s to be forgotten" % name, lambda: cluster.node_state(self.lab, name) is None, 20)
        self.expect(self.cib().find("./status/node_state[@id='%s']" % name) is None, "it is still in the status")

    def stop_fails(self, host):
        """A resource that cannot be stopped on a host: the host is power-cycled, the resource recovered."""
        self.agent("Unstoppable", agents.UNSTOPPABLE)
        self.add(primitive("stuck", agent="ocf:lab:Unstoppable", interval="5s"), pinned("stuck", host))
        self.wait_resource("stuck", host)
        write_file(self.root(host) + "/run/lab-stuck", "")
        before = self.daemon_pid(host)
        self.on("n1", "crm_resource", "-r", "stuck", "--ban", "-N", host)
        self.restarted(host, before)
        os.unlink(self.root(host) + "/run/lab-stuck")
        self.wait_node(host, "online")
        self.leaves("stuck", host)
        self.on("n1", "crm_resource", "-r", "stuck", "--clear")
        self.on("n1", "crm_resource", "--cleanup")
        self.settle()
        self.remove("stuck")
