# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guest nodes whose machine really starts, stops, dies and migrates."""

import time

from cluster import agents
from cluster.node_scenario import primitive
from cluster.promises import Promises
from lab import cluster, daemons

#: the resource of the connection that the cluster makes of itself is named as the guest node
GUEST = "g1"


class Guests(Promises):
    options = ("--nodes", "2", "--remotes", "1", "--guests", "1", "--fencing", "--no-resources")

    def machine(self, meta=""):
        return primitive("vm", agent="ocf:lab:Vm", interval="3s", params="host=g1",
                         meta="remote-node=g1 remote-addr=%s remote-connect-timeout=20s %s" % (
                             self.lab.host("g1")["ip"], meta))

    def test_started(self):
        """A machine that is off is started by the cluster, which then connects to the guest node in it"""
        self.agent("Vm", agents.VM)
        daemons.power(self.lab, self.lab.host("g1"), "off")
        self.expect(not self.daemon_pid("g1"), "the machine is not off")
        cluster.add_connection(self.lab, self.lab.host("r1"))
        self.add(self.machine())
        self.wait_node("g1", "online")
        self.wait_node("r1", "online")
        self.run_on("inner", "g1")

    def test_stopped(self):
        """The machine is stopped by the cluster: resources leave it first; and it is started again"""
        before = self.daemon_pid("g1")
        self.on("n1", "crm_resource", "-r", "vm", "-m", "-p", "target-role", "-v", "Stopped")
        self.wait_resource("vm", "stopped")
        self.leaves("inner", "g1")
        self.expect(not self.daemon_pid("g1"), "the machine runs")
        self.on("n1", "crm_resource", "-r", "vm", "-m", "-d", "target-role")
        self.restarted("g1", before)
        self.wait_resource("inner", "g1")

    def test_killed(self):
        """The guest's daemon is killed: the machine is restarted, and cleaned up after as the documents say"""
        before = self.daemon_pid("g1")
        self.kill("g1")
        self.restarted("g1", before)
        self.wait_node("g1", "online")
        self.wait_resource("inner", "g1")
        self.on("n1", "crm_resource", "-r", "vm", "-m", "-p", "target-role", "-v", "Stopped")
        self.wait_resource("vm", "stopped")
        self.settle()
        self.on("n1", "crm_resource", "-r", GUEST, "--cleanup")
        self.on("n1", "crm_resource", "-r", "vm", "-m", "-d", "target-role")
        self.wait_resource("inner", "g1")
        self.expect(not self.failed_actions(), "failed: %s" % self.failed_actions())

    def test_dies(self):
        """The machine dies: its monitor or the connection tells, and it is recovered with what ran in it"""
        before = self.daemon_pid("g1")
        daemons.power(self.lab, self.lab.host("g1"), "off")
        self.restarted("g1", before)
        self.wait_node("g1", "online")
        self.wait_resource("inner", "g1")
        self.on("n1", "crm_resource", "--cleanup")
        self.settle()

    def test_stop_fails(self):
        """A stop that fails in the guest node has the machine restarted"""
        self.stop_fails("g1")
        self.wait_resource("inner", "g1")

    def test_migrates(self):
        """The machine migrates with its connection; what runs in it is undisturbed, and monitored"""
        self.on("n1", "crm_resource", "-r", "vm", "-m", "-p", "allow-migrate", "-v", "true")
        self.settle()
        before, pid, old = self.started_once("g1", "inner"), self.daemon_pid("g1"), self.places("vm")[0]
        self.on("n1", "crm_resource", "-r", "vm", "--ban", "-N", old)
        self.leaves("vm", old)
        self.wait_node("g1", "online")
        self.settle()
        self.expect(self.places(GUEST) == self.places("vm"), "the connection is on %s" % self.places(GUEST))
        self.expect(self.started_once("g1", "inner") == before, "the resource was started again")
        self.expect(self.daemon_pid("g1") == pid, "the machine was restarted")
        self.break_dummy("g1", "inner")
        self.eventually("its monitor to work", lambda: self.state_file("g1", "inner"), 20)
        self.settle()
        self.on("n1", "crm_resource", "-r", "vm", "--clear")
        # It may migrate back.
        self.settle()
        self.on("n1", "crm_resource", "-r", "vm", "-m", "-d", "allow-migrate")
        self.on("n1", "crm_resource", "--cleanup")
        self.settle()

    def test_removed(self):
        """A guest node is removed while its machine runs, forgotten, and comes back by its name"""
        for name in ("remote-node", "remote-addr", "remote-connect-timeout"):
            self.on("n1", "crm_resource", "-r", "vm", "-m", "-d", name)
        self.settle()
        self.leaves("inner", "g1")
        self.forget("g1")
        self.expect(self.daemon_pid("g1"), "the guest's daemon ended")
        self.add(self.machine())
        self.wait_node("g1", "online")
        self.wait_resource("inner", "g1")

    def test_group(self):
        """The machine is a member of a group, which moves with the guest node"""
        self.remove("vm")
        self.forget("g1")
        self.add('<group id="gvm">%s%s</group>' % (primitive("storage"), self.machine()))
        self.wait_node("g1", "online")
        self.wait_resource("inner", "g1")
        old = self.places("storage")[0]
        self.on("n1", "crm_resource", "-r", "gvm", "--ban", "-N", old)
        self.leaves("vm", old)
        self.wait_node("g1", "online")
        self.wait_resource("inner", "g1")
        self.expect(self.places("vm") == self.places("storage"), "the group is torn apart")
        self.on("n1", "crm_resource", "-r", "gvm", "--clear")
        self.settle()

    def test_connect_timeout(self):
        """Guest nodes that do not answer fail after remote-connect-timeout, and disturb no other"""
        begin = time.monotonic()
        for name, address in (("x-closed", self.lab.host("r1")["ip"]), ("x-silent", "10.199.0.250")):
            self.add(primitive(name, interval="", meta="remote-node=%s-node remote-addr=%s remote-port=9 "
                               "remote-connect-timeout=4s migration-threshold=1" % (name, address)))
        for name in ("x-closed-node", "x-silent-node"):
            self.eventually("%s to fail" % name, lambda n=name: self.failures(n, "start") or any(
                key.startswith(n) for key, _, _ in self.failed_actions()), 40)
        # One that is refused is tried again until no try fits into the time.
        self.expect(time.monotonic() - begin >= 2, "given up before the time was up")
        self.remove("x-closed", "x-silent")
        for host in ("g1", "r1"):
            self.expect(cluster.node_state(self.lab, host) == "online", host + " is not online")
