# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our pacemaker-execd on every node of a cluster when agents, the fencer or itself misbehave."""

import os
import signal

from cluster import agents
from cluster.node_scenario import EXECD, NODES, NodeScenario, operation, pinned, primitive
from lab import daemons


class NodeTrouble(NodeScenario):
    options = ("--nodes", "3", "--remotes", "0", "--fencing")

    def test_bystanders(self):
        """Each node runs a Dummy that is monitored, and one runs the fence device"""
        for host in NODES:
            self.add(primitive("d-" + host, interval="2s"), pinned("d-" + host, host))
        for host in NODES:
            self.wait_resource("d-" + host, host, settle=False)
        self.wait_resource("power", "started")
        self.settle()

    def test_forking(self):
        """An agent that leaves children with its output is done when it exits."""
        self.agent("Forker", agents.FORKER)
        self.add(primitive("fork", agent="ocf:lab:Forker", interval="2s",
                           operations=operation("fork", "start", "0", "8s")), pinned("fork", "n2"))
        self.wait_resource("fork", "n2")
        self.expect(len(self.processes_named("n2", "lab-left-behind")) >= 2,
                    "what it started is gone")
        self.expect(self.failures("fork", "start") == 0, "the start failed")
        self.remove("fork")
        for pid in self.processes_named("n2", "lab-left-behind"):
            os.kill(pid, signal.SIGKILL)

    def test_stubborn(self):
        """An agent that ignores signals is killed with its children when its time is up."""
        self.agent("Stubborn", agents.STUBBORN)
        self.add(primitive("stubborn", agent="ocf:lab:Stubborn", interval="",
                           meta="migration-threshold=1",
                           operations=operation("stubborn", "start", "0", "3s")))
        self.eventually("the start to time out", lambda: any(
            self.history(host, "stubborn", operation="start", op_status="2") for host in NODES))
        self.eventually("nothing of it to be left", lambda: not any(
            self.processes_named(host, "lab-stubborn") for host in NODES))
        self.remove("stubborn")

    def test_output(self):
        """Agents that print 10 MB, of one kind and at random, are run like any other."""
        self.agent("Loud", agents.LOUD)
        for name, source in (("loud", "zero"), ("noise", "urandom")):
            self.add(primitive(name, agent="ocf:lab:Loud", interval="2s",
                               params="source=" + source), pinned(name, "n3"))
        for name in ("loud", "noise"):
            self.wait_resource(name, "n3")
            self.eventually("a second monitor of " + name, lambda n=name: self.runs(n) >= 3)
            for action in ("start", "monitor"):
                self.expect(not self.failures(name, action), "%s of %s failed" % (action, name))
        self.remove("loud", "noise")

    def runs(self, name):
        with open(self.root("n3") + "/run/lab-loud-" + name) as handle:
            return len(handle.read().split())

    def test_fencer_killed(self):
        """The fencer killed: its device fails at once, and is back with the fencer."""
        node = self.places("power")[0]
        self.kill(node, "pacemaker-fenced")
        self.eventually("the device to fail", lambda: self.failures("power", "monitor") >= 1, 20)
        self.wait_resource("power", "started")
        self.settle()
        node = self.places("power")[0]
        self.eventually("it to be monitored again", lambda: self.history(
            node, "power", operation="monitor", interval="60000", rc_code="0"))
        self.on("n1", "crm_resource", "-r", "power", "--cleanup")
        self.settle()

    def test_fencer_hangs(self):
        """The fencer of a node hangs: its device's monitor times out, nothing else notices"""
        self.install("/usr/sbin/fence_watch", agents.FENCE_WATCH)
        # A failure is only counted, lest the device is stopped, which needs the fencer.
        self.add(primitive("watch", agent="stonith:fence_watch", interval="", operations=operation(
            "watch", "monitor", "2s", "3s", 'on-fail="ignore"')), pinned("watch", "n3"))
        self.wait_resource("watch", "n3")
        fencers = daemons.send_signal(self.lab, self.lab.host("n3"), signal.SIGSTOP,
                                      "pacemaker-fenced")
        try:
            self.break_dummy("n3", "d-n3")
            self.eventually("d-n3 to be recovered", lambda: self.state_file("n3", "d-n3"), 15)
            self.eventually("the monitor to time out", lambda: self.history(
                "n3", "watch", operation="monitor", interval="2000", op_status="2"), 15)
        finally:
            for pid, _, _ in fencers:
                os.kill(pid, signal.SIGCONT)
        before = self.monitored()
        self.eventually("the device to be asked again", lambda: self.monitored() > before, 15)
        self.on("n1", "crm_resource", "-r", "watch", "--cleanup")
        self.settle()
        self.eventually("a good monitor", lambda: self.history(
            "n3", "watch", operation="monitor", interval="2000", op_status="0"), 15)
        self.expect([pid for pid, _, _ in fencers] == [
            pid for pid, name, _ in self.lab.processes(self.lab.host("n3"))
            if name == "pacemaker-fenced"], "the fencer was restarted")
        self.remove("watch")

    def monitored(self):
        """How often the fence agent of the test has been asked on n3."""
        return os.path.getsize(self.root("n3") + "/run/fence-watch")

    def test_killed(self):
        """The executor killed during actions: pacemakerd starts it again, all recovers."""
        self.agent("Slow", agents.SLOW)
        self.agent("Lasting", agents.LASTING)
        before = self.executor_pids("n2")
        self.add(primitive("lasting", agent="ocf:lab:Lasting", interval="1s"),
                 pinned("lasting", "n2"))
        self.wait_resource("lasting", "n2")
        self.add(primitive("slow", agent="ocf:lab:Slow"), pinned("slow", "n2"))
        self.eventually("a start and a monitor to be under way", lambda: all(
            self.processes_named("n2", mark) for mark in ("lab-slow-start", "lab-lasting")))
        self.kill("n2", EXECD)
        self.eventually("another executor", lambda: self.executor_pids("n2") not in ([], before))
        self.wait_node("n2", "online")
        for name in "slow", "lasting", "d-n2":
            self.wait_resource(name, "n2")
        self.break_dummy("n2", "d-n2")
        self.eventually("d-n2's monitor to work again", lambda: self.state_file("n2", "d-n2"))
        self.settle()
        self.remove("slow", "lasting")
