# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a remote host and a guest do all day, and an orderly end."""

import os

from cluster.scenario import Scenario
from cluster.tools import BigToolTests
from lab import cluster, daemons
from support.base import write_file


class ResourceTests(Scenario):
    options = ("--authkey-size", "256")

    def test_online(self):
        """The remote host is online, with a key of 256 bytes."""
        self.expect_match(r"RemoteOnline: \[ r1 \]", self.on("n1", "crm_mon", "-1"))

    def test_started(self):
        """A Dummy is started on the remote host, and only there."""
        self.add_dummy("d1", "r1")
        self.active_file("r1", "d1")
        self.expect(not self.state_file("n1", "d1"), "d1 has a state file on n1")

    def test_failure_recovered(self):
        """Its recurring monitor notices a failure, twice, and it is recovered each time."""
        for count in (1, 2):
            self.break_dummy("r1", "d1")
            self.eventually("failure %d of d1's monitor" % count,
                            lambda c=count: self.failures("d1", "monitor") >= c)
            self.eventually("d1 to be started again", lambda: self.state_file("r1", "d1"))
            self.wait_resource("d1", "r1")
        self.on("n1", "crm_resource", "-r", "d1", "--cleanup")
        self.wait_resource("d1", "r1")
        self.expect(self.failures("d1", "monitor") == 0, "the failures are not forgotten")


class Everyday(ResourceTests, BigToolTests):
    options = (*ResourceTests.options, "--guests", "1")

    def test_failing_agents(self):
        """A missing agent and a start that takes too long are reported as such."""
        for host in ("n1", "r1"):
            path = self.root(host) + "/usr/lib/ocf/resource.d/lab"
            os.makedirs(path)
            write_file(path + "/Slow", SLOW_AGENT, 0o755)
        try:
            for name, agent in (("gone", "Nonexistent"), ("slow", "Slow")):
                cluster.cib_merge(self.lab, ONLY_R1.format(name=name, agent=agent))
            self.eventually("the agent to be reported missing", lambda: self.history(
                "gone", rc="5"))
            self.eventually("the start to be reported as timed out", lambda: self.history(
                "slow", operation="start", status="2"))
        finally:
            self.delete("gone")
            self.delete("slow")

    def history(self, resource, operation=None, rc=None, status=None):
        """Entries of r1's operation history that match."""
        wanted = {"operation": operation, "rc-code": rc, "op-status": status}
        return [entry for entry in self.cib().findall(
            "./status/node_state[@id='r1']//lrm_resource[@id='%s']/lrm_rsc_op" % resource)
            if all(entry.get(key) == value for key, value in wanted.items() if value)]

    def test_migration(self):
        """A resource migrates off the remote host and back."""
        # Not d1: with a resource that may migrate, the scheduler of 3.0.0 never ends the
        # transition in which the remote host itself leaves.
        self.add_dummy("d3", "r1", meta=[("allow-migrate", "true")])
        try:
            self.migrate("d3")
        finally:
            self.delete("d3")

    def migrate(self, name):
        self.on("n1", "crm_resource", "-r", name, "--ban", "-N", "r1")
        self.wait_resource(name, "n1")
        self.expect(not self.state_file("r1", name), "%s is still active on r1" % name)
        self.on("n1", "crm_resource", "-r", name, "--clear")
        self.wait_resource(name, "r1")
        self.active_file("r1", name)
        self.expect(not self.state_file("n1", name), "%s is still active on n1" % name)
        self.eventually("migrate_from in the history of r1", lambda: self.history(
            name, operation="migrate_from", rc="0"))

    def delete(self, resource):
        """Stop a resource on r1 and remove it from the configuration."""
        self.on("n1", "crm_resource", "-r", resource, "-m", "-p", "target-role", "-v", "Stopped")
        self.eventually("%s to be stopped" % resource,
                        lambda: not self.state_file("r1", resource))
        self.wait_resource(resource, "stopped")
        self.on("n1", "cibadmin", "--delete-all", "--force", "--xpath",
                "//rsc_location[@rsc='%s']" % resource)
        self.on("n1", "cibadmin", "--delete", "--xml-text", '<primitive id="%s"/>' % resource)

    def test_maintenance(self):
        """In maintenance nothing is run on the remote host; then monitors go on."""
        self.on("n1", "crm_attribute", "-t", "nodes", "-N", "r1", "-n", "maintenance", "-v",
                "true")
        self.eventually("r1 to be in maintenance", lambda: "maintenance" in self.on(
            "n1", "crm_mon", "-1"))
        self.break_dummy("r1", "d1")
        self.stays("d1 is left alone", lambda: not self.state_file("r1", "d1"), 4)
        self.on("n1", "crm_attribute", "-t", "nodes", "-N", "r1", "-n", "maintenance", "-D")
        self.eventually("d1 to be recovered", lambda: self.state_file("r1", "d1"))
        self.wait_resource("d1", "r1")

    def test_guest(self):
        """A resource runs on the guest, leaves before the guest stops, and comes back."""
        self.expect_match(r"GuestOnline: \[ g1(@n1)? \]", self.on("n1", "crm_mon", "-1"))
        self.add_dummy("d2", "g1")
        self.active_file("g1", "d2")
        self.on("n1", "crm_resource", "-r", "vm-g1", "-m", "-p", "target-role", "-v", "Stopped")
        self.wait_resource("vm-g1", "stopped")
        self.wait_resource("d2", "started")
        self.expect(not self.state_file("g1", "d2"), "d2 was not stopped on g1")
        self.on("n1", "crm_resource", "-r", "vm-g1", "-m", "-d", "target-role")
        self.wait_node("g1", "online")
        self.wait_resource("d2", "g1")

    def test_killed(self):
        """kill -9 and an immediate restart: recovered in place, resources undisturbed."""
        before = self.started_once("r1", "d1")
        self.kill("r1")
        self.start_remoted("r1")
        self.eventually("n1 to notice", lambda: "Lost connection" in self.log_of("n1"), 20)
        self.wait_node("r1", "online")
        self.wait_resource("d1", "r1")
        self.expect(self.started_once("r1", "d1") == before, "d1 was started again")
        self.break_dummy("r1", "d1")
        self.eventually("d1's monitor to work again", lambda: self.state_file("r1", "d1"))
        self.wait_resource("d1", "r1")

    def test_terminated(self):
        """SIGTERM: resources leave first, then the daemon exits with 0."""
        check_termination(self)

    def test_back_after_termination(self):
        """Started again, the host is online and has its resource back."""
        self.start_remoted("r1")
        self.recover("r1")
        self.wait_resource("d1", "r1")
        self.active_file("r1", "d1")


def check_termination(scenario):
    """SIGTERM for the daemon of r1, where d1 runs."""
    scenario.wait_resource("d1", "r1")
    host = scenario.lab.host("r1")
    status = daemons.stop(scenario.lab, host, timeout=60)
    left = scenario.state_file("r1", "d1")
    scenario.expect(not left, "the daemon exited (status %s) while d1 was active" % status)
    scenario.expect(status == 0, "exit status %s" % status)
    # The cluster does not settle: it means to connect again, but waits for an occasion.
    scenario.wait_resource("d1", "n1", settle=False)
    scenario.wait_node("r1", "offline")


ONLY_R1 = (
    '<configuration><resources><primitive id="{name}" class="ocf" provider="lab" type="{agent}">'
    '<operations><op id="{name}-start" name="start" interval="0" timeout="4s"/></operations>'
    '</primitive></resources><constraints><rsc_location id="loc-{name}" rsc="{name}" node="r1" '
    'score="INFINITY" resource-discovery="exclusive"/></constraints></configuration>')
SLOW_AGENT = """#!/bin/sh
case $1 in
    start) sleep 60 ;;
    monitor) exit 7 ;;
    meta-data) echo '<resource-agent name="Slow"><version>1.1</version></resource-agent>' ;;
esac
"""
