# SPDX-License-Identifier: LGPL-2.1-or-later
"""Remote nodes through their life: rules, standby, attributes, roles, fencing, being taken out, removal."""

from cluster.node_scenario import pinned, primitive
from cluster.promises import PROMOTED, Promises, rule
from lab import cluster, configs, daemons

KINDS = {"remote": ("r1", "r2"), "container": ("g1",), "cluster": ("n1", "n2")}


class Remotes(Promises):
    options = ("--nodes", "2", "--remotes", "2", "--guests", "1", "--fencing", "--remote-monitor", "3s",
               "--remote-monitor-timeout", "10s")

    def test_rules(self):
        """Rules choose nodes by kind, and by attributes that the nodes set of themselves"""
        for host in ("r1", "r2", "g1"):
            # A node is online a moment before its tools get through.
            self.eventually("the tools of %s to reach the cluster" % host,
                            lambda h=host: self.on(h, "cibadmin", "-Q", check=False))
        self.on("r1", "crm_attribute", "-l", "forever", "-n", "site", "-v", "a")
        self.on("r2", "crm_attribute", "-l", "reboot", "-n", "rack", "-v", "b")
        self.on("g1", "crm_attribute", "-l", "reboot", "-n", "room", "-v", "c")
        wanted = {"k-" + kind: ("#kind", kind, hosts) for kind, hosts in KINDS.items()}
        wanted.update(site=("site", "a", ("r1",)), rack=("rack", "b", ("r2",)), room=("room", "c", ("g1",)))
        self.add("".join(primitive(name, interval="5s") for name in wanted),
                 "".join(rule(name, attribute, value) for name, (attribute, value, _) in wanted.items()))
        for name, (attribute, value, hosts) in wanted.items():
            self.eventually("%s to run where %s is %s" % (name, attribute, value),
                            lambda n=name, h=hosts: set(self.places(n)) & set(h))
        self.settle()
        for name, (_, _, hosts) in wanted.items():
            self.expect(set(self.places(name)) <= set(hosts), "%s is on %s" % (name, self.places(name)))
        self.expect(self.on("r1", "crm_attribute", "-l", "forever", "-n", "site", "-G", "-q").strip() == "a",
                    "r1 does not read what it has set")
        self.remove(*wanted)

    def test_utilization(self):
        """Utilization, set from a remote node of itself and from the cluster, bounds what runs"""
        for host, cpu in (("n1", 1), ("n2", 1), ("r1", 1), ("r2", 4), ("g1", 1)):
            self.on(host if host in ("r1", "r2") else "n1",
                    "crm_attribute", "-N", host, "-z", "-n", "cpu", "-v", str(cpu))
        self.on("n1", "crm_attribute", "-n", "placement-strategy", "-v", "utilization")
        self.add('<primitive id="big" class="ocf" provider="pacemaker" type="Dummy"><utilization id="big-u">'
                 '<nvpair id="big-cpu" name="cpu" value="3"/></utilization></primitive>')
        self.wait_resource("big", "r2")
        self.remove("big")
        self.on("n1", "crm_attribute", "-n", "placement-strategy", "-D")

    def test_standby(self):
        """Standby, set on the remote node and on the guest themselves, empties them and fills them again"""
        for host in ("r1", "g1"):
            self.run_on("s-" + host, host)
            self.on(host, "crm_standby", "-v", "on")
        for host in ("r1", "g1"):
            self.wait_node(host, "standby")
            self.leaves("s-" + host, host)
            self.expect(not self.state_file(host, "s-" + host), "it still runs on " + host)
            self.expect_match("value=on", self.on(host, "crm_standby", "-G"))
            self.on(host, "crm_standby", "-D")
        for host in ("r1", "g1"):
            self.wait_resource("s-" + host, host)
        self.remove("s-r1", "s-g1")

    def test_promotable(self):
        """A promotable clone on all kinds of nodes: notified, promoted on a remote node, demoted by standby"""
        self.add('<clone id="p"><meta_attributes id="p-meta"><nvpair id="p-promotable" name="promotable" value="true"/>'
                 '<nvpair id="p-notify" name="notify" value="true"/></meta_attributes>%s</clone>' % primitive(
                     "p-s", agent="ocf:pacemaker:Stateful", interval="", params="envfile=/run/notes"),
                 rule("p", "#uname", "r1", "1000", "eq", 'role="Master"'))
        hosts = sorted(host["name"] for host in self.lab.hosts())
        self.eventually("five instances, one promoted on r1", lambda: self.places("p-s") == hosts
                        and self.places("p-s", PROMOTED) == ["r1"])
        self.settle()
        for host in hosts:
            with open(self.root(host) + "/run/notes", errors="replace") as handle:
                notes = handle.read()
            self.expect_match("^OCF_RESKEY_CRM_meta_notify_operation=promote", notes)
            self.expect_match("^OCF_RESKEY_CRM_meta_notify_promote_uname=r1", notes)
        # The agents have set these scores where they run, by a tool that goes through the daemon.
        scores = self.on("n1", "attrd_updater", "-Q", "-A", "-n", "master-p-s")
        for host in hosts:
            self.expect_match('host="%s" value="[0-9]+"' % host, scores)
        self.on("r1", "crm_standby", "-v", "on")
        self.eventually("another to be promoted", lambda: self.places("p-s", PROMOTED) not in ([], ["r1"]))
        self.on("r1", "crm_standby", "-D")
        self.eventually("r1 to be promoted again", lambda: self.places("p-s", PROMOTED) == ["r1"])
        self.settle()
        self.remove("p")

    def test_fencing(self):
        """Fencing is asked for from a remote node and from a guest, of a remote node and of a guest"""
        self.add("", pinned("power", "r1").replace("1000", "INFINITY"))
        self.settle()
        self.expect(self.places("power") in (["n1"], ["n2"]), "the device is on %s" % self.places("power"))
        for asked, host in (("r1", "r2"), ("g1", "r2"), ("r1", "g1")):
            before = self.daemon_pid(host)
            self.on(asked, "stonith_admin", "--reboot", host, "--timeout", "30", timeout=60)
            self.restarted(host, before)
            self.wait_node(host, "online")
            self.expect_match(host, self.on(asked, "stonith_admin", "-H", host, "--verbose"))
        self.on("n1", "cibadmin", "--delete-all", "--force", "--xpath", "//rsc_location[@rsc='power']")
        self.settle()

    def test_stop_fails(self):
        """A stop that fails on a remote node has it fenced; the resource runs elsewhere"""
        self.stop_fails("r1")

    def test_taken_out(self):
        """A remote node is disabled, its daemon stopped and started, and enabled: nothing fails, nothing is fenced"""
        self.run_on("out", "r1")
        before = self.daemon_pid("r1")
        self.on("n1", "crm_resource", "-r", "r1", "-m", "-p", "target-role", "-v", "Stopped")
        self.wait_resource("r1", "stopped")
        self.leaves("out", "r1")
        self.expect(not self.state_file("r1", "out"), "it still runs on r1")
        self.expect(self.daemon_pid("r1") == before, "the daemon ended")
        self.expect(daemons.stop(self.lab, self.lab.host("r1"), timeout=20) == 0, "it did not exit with 0")
        self.start_remoted("r1")
        self.on("n1", "crm_resource", "-r", "r1", "-m", "-d", "target-role")
        self.wait_resource("out", "r1")
        self.expect(not self.failed_actions(), "failed: %s" % self.failed_actions())
        self.remove("out")

    def test_removed(self):
        """A remote node is removed and forgotten, and comes back by its name"""
        self.run_on("rm", "r2")
        self.on("n1", "crm_resource", "-r", "r2", "-m", "-p", "target-role", "-v", "Stopped")
        self.wait_resource("r2", "stopped")
        self.remove("rm")
        self.on("n1", "cibadmin", "--delete", "--xml-text", '<primitive id="r2"/>')
        self.settle()
        self.forget("r2", "n2")
        cluster.cib_create(self.lab, "resources", configs.remote_primitive(self.lab.state, self.lab.host("r2")))
        self.wait_node("r2", "online")
        self.run_on("rm", "r2")
        self.expect_match("^r2$", self.on("r2", "crm_node", "-n"))
        self.remove("rm")
