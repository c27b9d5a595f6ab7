# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lost daemons, broken links and lost cluster nodes."""

import glob
import os
import re
import signal

from cluster.scenario import Scenario, release_only
from lab import cluster, daemons, net

BROKEN = ("offline", "unclean")
# Broken links are noticed after monitor interval and timeout; defaults take 24 s.
QUICK = ("--reconnect-interval", "5s", "--remote-monitor", "2s",
         "--remote-monitor-timeout", "5s")


class Reconnection(Scenario):
    """Also: everything with a key of 4096 bytes."""

    options = ("--authkey-size", "4096", "--reconnect-interval", "5s")

    def test_long_key(self):
        """Online and able to run a resource with a key of 4096 bytes."""
        self.expect_match(r"RemoteOnline: \[ r1 \]", self.on("n1", "crm_mon", "-1"))
        self.add_dummy("d1", "r1")
        self.active_file("r1", "d1")

    @release_only("3.0")
    def test_no_newer_schemas(self):
        """A host that has all schemas gets none, and says nothing bad about it."""
        self.expect(not self.schemas(), "unexpected schemas: %s" % self.schemas())
        bad = re.findall(r"^.*(?:error|warning).*schema.*$", self.log_of("r1"), re.M | re.I)
        self.expect(not bad, "\n".join(bad))

    def test_killed(self):
        """kill -9: the cluster notices, and nothing runs on the host."""
        self.forget_newest_schema()
        self.kill("r1")
        self.wait_node("r1", *BROKEN)

    def test_reconnect_interval(self):
        """Started again, it is online without help after reconnect_interval."""
        self.start_remoted("r1")
        self.wait_node("r1", "online")
        self.wait_resource("d1", "r1")

    @release_only("3.0")
    def test_schema_transfer(self):
        """A host that lacks the newest schema is given it by the cluster."""
        self.eventually("the newest schema to arrive",
                        lambda: self.newest in self.schemas(), 20)
        sent = os.path.join(self.root("r1"), "var/lib/pacemaker/schemas", self.newest)
        self.eventually("it to be complete", lambda: open(sent).read() == self.schema_text, 10)

    def schemas(self):
        return [os.path.basename(path)
                for path in glob.glob(self.root("r1") + "/var/lib/pacemaker/schemas/*")]

    def forget_newest_schema(self):
        """Make r1 look like a host with an older Pacemaker."""
        def version(path):
            return [int(part) for part in re.findall(r"\d+", os.path.basename(path))]

        found = glob.glob(self.root("r1") + "/usr/share/pacemaker/pacemaker-[0-9]*.rng")
        newest = max(found, key=version)
        self.newest = os.path.basename(newest)
        with open(newest) as handle:
            self.schema_text = handle.read()
        os.unlink(newest)


class Links(Scenario):
    options = QUICK

    def test_short_cut(self):
        """A silent cut that is shorter than the monitor's timeout is not noticed."""
        self.add_dummy("d1", "r1")
        lost = self.log_of("n1").count("Lost connection")
        net.cut(self.lab, self.lab.host("r1"))
        self.stays("r1 is online", self.is_online, 2)
        net.heal(self.lab, self.lab.host("r1"))
        self.stays("r1 is online", self.is_online, 6)
        self.expect(self.log_of("n1").count("Lost connection") == lost,
                    "the connection was lost")

    def is_online(self):
        return cluster.node_state(self.lab, "r1") == "online"

    def test_cut(self):
        """A longer silent cut is noticed; after it the host comes back by itself."""
        net.cut(self.lab, self.lab.host("r1"))
        self.broken_and_back()

    def test_reset(self):
        """A link that answers with resets is noticed; then the host comes back."""
        net.cut(self.lab, self.lab.host("r1"), "rst")
        self.broken_and_back()

    def broken_and_back(self):
        self.wait_node("r1", *BROKEN)
        net.heal(self.lab, self.lab.host("r1"))
        self.wait_node("r1", "online")
        self.wait_resource("d1", "r1")

    def test_hanging(self):
        """A daemon that hangs is noticed; when it goes on, the host comes back."""
        daemons.send_signal(self.lab, self.lab.host("r1"), signal.SIGSTOP)
        self.wait_node("r1", *BROKEN)
        daemons.send_signal(self.lab, self.lab.host("r1"), signal.SIGCONT)
        self.wait_node("r1", "online")
        self.wait_resource("d1", "r1")

    def test_slow_link(self):
        """With 100 ms each way and 1 % loss resources start and tools work."""
        net.set_link(self.lab, self.lab.host("r1"), mode="up", delay=100, jitter=20, loss=1,
                     backend="auto")
        self.add_dummy("d2", "r1")
        self.expect_match("<cib ", self.on("r1", "cibadmin", "-Q"))
        self.expect(self.is_online(), "r1 is not online")


class TwoNodes(Scenario):
    options = ("--nodes", "2", "--fencing")

    def test_tools(self):
        """Fence devices and both cluster nodes are seen from the remote host."""
        self.add_dummy("d1", "r1")
        self.expect_match("power", self.on("r1", "stonith_admin", "-L"))
        nodes = self.on("r1", "crm_node", "-l")
        self.expect_match("n1", nodes)
        self.expect_match("n2", nodes)

    def test_connection_moves(self):
        """The connection moves to the other cluster node and resources are undisturbed."""
        before = self.started_once("r1", "d1")
        old = self.connection_node()
        new = {"n1": "n2", "n2": "n1"}[old]
        self.on("n1", "crm_resource", "-r", "r1", "--ban", "-N", old)
        self.wait_resource("r1", new)
        self.wait_node("r1", "online")
        self.wait_resource("d1", "r1")
        self.on("n1", "crm_resource", "-r", "r1", "--clear")
        self.expect(self.started_once("r1", "d1") == before, "d1 was started again")
        self.expect_match("^r1$", self.on("r1", "crm_node", "-n"))
        self.check_monitor()

    def check_monitor(self):
        """d1 is monitored through the connection as it is now."""
        self.break_dummy("r1", "d1")
        self.eventually("d1 to be recovered", lambda: self.state_file("r1", "d1"))
        self.wait_resource("d1", "r1")

    def test_node_lost(self):
        """The node with the connection dies: the other takes over, resources undisturbed."""
        before = self.started_once("r1", "d1")
        old = self.connection_node()
        new = {"n1": "n2", "n2": "n1"}[old]
        self.kill(old, "all")
        self.wait_resource("r1", new, timeout=120)
        self.wait_node("r1", "online")
        self.wait_resource("d1", "r1")
        self.expect(self.started_once("r1", "d1") == before, "d1 was started again")
        self.expect_match("^r1$", self.on("r1", "crm_node", "-n"))
        self.wait_node(old, "online", timeout=90)
        self.check_monitor()

    def test_fenced(self):
        """A killed daemon is fenced; the host comes back and has its resource again."""
        old_pid = daemons.status(self.lab, self.lab.host("r1"))["pid"]
        self.kill("r1")
        self.eventually("r1 to be fenced and its daemon to be started by the reboot",
                        lambda: daemons.status(self.lab, self.lab.host("r1"))["pid"]
                        not in (0, old_pid), 60)
        self.expect(self.fenced("r1"), "the cluster does not say that it fenced r1")
        self.wait_node("r1", "online", timeout=90)
        self.wait_resource("d1", "r1", timeout=90)
        self.active_file("r1", "d1")

    def fenced(self, host):
        text = self.on("n1", "stonith_admin", "-H", host, "--verbose")
        return re.search("reboot of %s successful|was able to reboot" % host, text)
