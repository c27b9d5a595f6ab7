# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our pacemaker-execd on every node of a cluster, under its unmodified pacemakerd: everyday life."""

import os

from cluster import agents
from cluster.node_scenario import EXECD, NODES, NodeScenario, pinned, primitive
from lab import cluster, daemons, systemd
from support.base import write_file

UNIT = "[Service]\nExecStart=/bin/sleep infinity\n"


class Nodes(NodeScenario):
    options = ("--nodes", "3", "--remotes", "0", "--fencing")

    def test_ours(self):
        """Every node runs our executor, and the fence device is started and monitored."""
        for host in NODES:
            self.expect(len(self.executor_pids(host)) == 1, "not one executor on " + host)
            self.expect_match("pcmk-remote-rs", self.on(host, daemons.EXECD, "--version"))
            self.expect_match("pacemaker-execd successfully started", self.log_of(host))
        self.wait_resource("power", "started")
        node = self.places("power")[0]
        self.eventually("the device to be monitored", lambda: self.history(
            node, "power", operation="monitor", interval="60000", rc_code="0"))
        for other in set(NODES) - {node}:
            self.expect(self.history(other, "power", operation="monitor", rc_code="7"),
                        "no probe of the device on " + other)

    def test_started(self):
        """A Dummy is started, monitored, found failed and recovered on each node."""
        for host in NODES:
            name = "d-" + host
            self.add(primitive(name, interval="2s"), pinned(name, host))
        for host in NODES:
            self.wait_resource("d-" + host, host)
            self.break_dummy(host, "d-" + host)
        for host in NODES:
            self.eventually("the failure of d-%s to count" % host,
                            lambda h=host: self.failures("d-" + h, "monitor") >= 1)
            self.eventually("d-%s to be back" % host,
                            lambda h=host: self.state_file(h, "d-" + h))
        self.settle()

    def test_init_scripts(self):
        """Class lsb and class service: an init script is started, found failed, recovered, stopped"""
        self.install("/etc/init.d/lab-script", agents.INIT_SCRIPT)
        for standard in ("lsb", "service"):
            name, state = "script-" + standard, self.root("n2") + "/run/lab-script.state"
            self.add(primitive(name, agent=standard + ":lab-script", interval="2s"),
                     pinned(name, "n2"))
            self.wait_resource(name, "n2")
            os.unlink(state)
            self.eventually("the failure to count",
                            lambda n=name: self.failures(n, "monitor") >= 1)
            self.eventually("it to be back", lambda s=state: os.path.exists(s))
            self.settle()
            self.remove(name)
            self.expect(not os.path.exists(state), "it was not stopped")

    def test_units(self):
        """Class systemd and class service: a unit is started, found failed, recovered, stopped"""
        for host in NODES:
            write_file(self.root(host) + "/etc/systemd/system/lab-unit.service", UNIT)
            systemd.start(self.lab, self.lab.host(host))
        for standard in ("systemd", "service"):
            name = "unit-" + standard
            self.add(primitive(name, agent=standard + ":lab-unit", interval="2s"),
                     pinned(name, "n3"))
            self.wait_resource(name, "n3")
            self.expect(self.unit("ActiveState") == "active", "the unit does not run")
            self.expect(self.unit("Description") == "Cluster Controlled lab-unit.service",
                        self.unit("Description"))
            self.systemctl("kill", "--signal=KILL")
            self.eventually("the failure to count",
                            lambda n=name: self.failures(n, "monitor") >= 1)
            self.eventually("it to be back", lambda: self.unit("ActiveState") == "active")
            self.settle()
            self.remove(name)
            self.expect(self.unit("ActiveState") == "inactive", "it was not stopped")

    def unit(self, name):
        return self.systemctl("show", "--value", "-p", name).strip()

    def systemctl(self, *words):
        return systemd.ask(self.lab, self.lab.host("n3"), "systemctl", *words,
                           "lab-unit.service")

    def test_probe(self):
        """What runs already is found by a probe, and left where it is."""
        for directory in ("run", "run/resource-agents"):
            write_file("%s/%s/Dummy-found.state" % (self.root("n2"), directory), "")
        before = self.started_once("n2", "found")
        self.add(primitive("found"))
        self.wait_resource("found", "n2")
        self.expect(self.started_once("n2", "found") == before, "it was started")
        self.expect(self.history("n1", "found", operation="monitor", rc_code="7"),
                    "no probe on n1")
        self.remove("found")

    def test_group(self):
        """A group starts in order, and moves as one."""
        members = ["g-%d" % number for number in range(3)]
        self.add('<group id="g">%s</group>' % "".join(map(primitive, members)),
                 pinned("g", "n1"))
        for name in members:
            self.wait_resource(name, "n1")
        times = [self.started_once("n1", name)[1] for name in members]
        self.expect(times == sorted(times), "not started in order")
        self.on("n1", "crm_resource", "-r", "g", "--ban", "-N", "n1")
        for name in members:
            self.eventually(name + " to move", lambda n=name: self.places(n) in (["n2"], ["n3"]))
            self.expect(not self.state_file("n1", name), name + " still runs on n1")
        self.on("n1", "crm_resource", "-r", "g", "--clear")
        self.remove("g")

    def test_clone(self):
        """A clone runs on every node; an instance that fails is recovered there."""
        self.add('<clone id="c">%s</clone>' % primitive("c-d", interval="2s"))
        self.eventually("three instances", lambda: self.places("c-d") == sorted(NODES))
        self.settle()
        path = self.state_file("n2", "c-d") or self.state_file("n2", "c-d:1")
        found = [name for name in os.listdir(self.root("n2") + "/run") if "Dummy-c-d" in name]
        found += [name for name in os.listdir(self.root("n2") + "/run/resource-agents")
                  if "Dummy-c-d" in name]
        self.expect(path or found, "no state file on n2")
        before = self.failures("c-d", "monitor")
        for directory in ("run", "run/resource-agents"):
            for name in found:
                if os.path.exists("%s/%s/%s" % (self.root("n2"), directory, name)):
                    os.unlink("%s/%s/%s" % (self.root("n2"), directory, name))
        self.eventually("its failure to count",
                        lambda: self.failures("c-d", "monitor") > before)
        self.settle()
        self.expect(self.places("c-d") == sorted(NODES), "not three instances afterwards")
        self.remove("c")

    def test_promotable(self):
        """A promotable clone: one promoted, all notified, and the role moves."""
        tag = ('<clone id="p"><meta_attributes id="p-meta">'
               '<nvpair id="p-promotable" name="promotable" value="true"/>'
               '<nvpair id="p-notify" name="notify" value="true"/></meta_attributes>%s</clone>')
        self.add(tag % primitive("p-s", agent="ocf:pacemaker:Stateful", interval="",
                                 params="envfile=/run/notes"))
        roles = ("Promoted", "Master")
        self.eventually("a promoted instance", lambda: len(self.places("p-s", roles)) == 1)
        self.eventually("three instances", lambda: len(self.places("p-s")) == 3)
        self.settle()
        first = self.places("p-s", roles)[0]
        for host in NODES:
            with open(self.root(host) + "/run/notes", errors="replace") as handle:
                notes = handle.read()
            self.expect_match("^OCF_RESKEY_CRM_meta_notify_operation=promote", notes)
            self.expect_match("^OCF_RESKEY_CRM_meta_notify_promote_uname=" + first, notes)
        self.on("n1", "crm_attribute", "-N", first, "-n", "standby", "-v", "on")
        self.eventually("another to be promoted",
                        lambda: self.places("p-s", roles) not in ([], [first]))
        self.on("n1", "crm_attribute", "-N", first, "-n", "standby", "-D")
        self.eventually("three instances again", lambda: len(self.places("p-s")) == 3)
        self.remove("p")

    def test_migration(self):
        """A resource that may migrate does so, without a stop and a start."""
        self.add(primitive("m", meta="allow-migrate=true"), pinned("m", "n1"))
        self.wait_resource("m", "n1")
        self.on("n1", "crm_resource", "-r", "m", "--move", "-N", "n2")
        self.wait_resource("m", "n2")
        self.expect(self.history("n2", "m", operation="migrate_from", rc_code="0"),
                    "no migrate_from in the history of n2")
        self.expect(not self.state_file("n1", "m"), "m still runs on n1")
        self.on("n1", "crm_resource", "-r", "m", "--clear")
        # It moves back. Stopped between migrate_to and migrate_from, upstream's scheduler would wait for ever.
        self.wait_resource("m", "n1")
        self.settle()
        self.remove("m")

    def test_maintenance(self):
        """In maintenance mode nothing is run; then what failed meanwhile is recovered."""
        self.on("n1", "crm_attribute", "-n", "maintenance-mode", "-v", "true")
        self.settle()
        self.break_dummy("n2", "d-n2")
        self.stays("d-n2 is left alone", lambda: not self.state_file("n2", "d-n2"), 4)
        self.on("n1", "crm_attribute", "-n", "maintenance-mode", "-D")
        self.eventually("d-n2 to be recovered", lambda: self.state_file("n2", "d-n2"))
        self.settle()

    def test_standby(self):
        """A node in standby is emptied, and filled again."""
        self.on("n1", "crm_attribute", "-N", "n2", "-n", "standby", "-v", "on")
        self.eventually("d-n2 to leave", lambda: self.places("d-n2") not in ([], ["n2"]))
        self.expect(not self.state_file("n2", "d-n2"), "d-n2 still runs on n2")
        self.on("n1", "crm_attribute", "-N", "n2", "-n", "standby", "-D")
        self.wait_resource("d-n2", "n2")

    def test_alerts(self):
        """Alerts run beside each other, numbered, as hacluster, and are killed when they take too long"""
        alerts = ""
        for name, text in (("alert", agents.ALERT), ("hang", agents.ALERT_HANGS)):
            self.install("/usr/share/pacemaker/alerts/" + name, text)
            alerts += '<alert id="%s" path="/usr/share/pacemaker/alerts/%s"><meta_attributes ' \
                      'id="%s-meta"><nvpair id="%s-timeout" name="timeout" value="%s"/>' \
                      "</meta_attributes></alert>" % (name, name, name, name,
                                                      "20s" if name == "alert" else "1s")
        for host in NODES:
            write_file(self.root(host) + "/var/log/alerts", "", 0o666)
        cluster.cib_merge(self.lab, "<configuration><alerts>%s</alerts></configuration>" % alerts)
        self.add(primitive("rung"), pinned("rung", "n1"))
        self.wait_resource("rung", "n1")
        self.remove("rung")
        self.eventually("all alerts of n1 to end", lambda: self.alerts("n1", "begin")
                        and len(self.alerts("n1", "begin")) == len(self.alerts("n1", "end")), 30)
        begun = self.alerts("n1", "begin")
        numbers = {tuple(words[3:]): int(words[0]) for words in begun if words[3] == "rung"}
        order = [numbers["rung", action] for action in ("start", "monitor", "stop")]
        self.expect(order == sorted(order), "not numbered in order: %s" % begun)
        self.expect(len({words[0] for words in begun}) == len(begun), "a number came twice")
        self.expect({words[1] for words in begun} == {"hacluster"}, "not as hacluster")
        self.expect(self.alerts("n1", "hang"), "the one that hangs did not run")
        self.eventually("it to be killed",
                        lambda: not self.processes_named("n1", "lab-alert-hangs"), 10)

    def alerts(self, host, mark):
        """What the alert agents of a host have written after this word, as words."""
        with open(self.root(host) + "/var/log/alerts") as handle:
            found = [line.split() for line in handle]
        return [words[1:] or words for words in found if words[0] == mark]

    def test_stopped(self):
        """pacemakerd stops: resources leave, alerts end, and the executor exits with 0."""
        status = daemons.stop(self.lab, self.lab.host("n3"), "pacemakerd", timeout=60)
        self.expect(status == 0, "pacemakerd exited with %s" % status)
        self.expect(not self.state_file("n3", "d-n3"), "d-n3 was not stopped")
        begun = self.alerts("n3", "begin")
        self.expect(["d-n3", "stop"] in [words[-2:] for words in begun], "no alert: %s" % begun)
        self.expect(len(begun) == len(self.alerts("n3", "end")), "alerts were cut off")
        self.expect_match(EXECD + r".*Exiting with code 0", self.log_of("n3"))
        self.wait_resource("d-n3", "started")
