# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our pacemaker-execd on every node of a cluster, under its unmodified pacemakerd."""

import os
import signal
import xml.etree.ElementTree as ET

from cluster.scenario import Scenario
from lab import cluster, configs, daemons
from support.base import write_file

EXECD = "pacemaker-execd"
NODES = ("n1", "n2", "n3")
MANY = 120


def primitive(name, agent="pacemaker:Dummy", interval="10s", params="", meta="", operations=""):
    provider, kind = agent.split(":")
    pairs = {"instance_attributes": params, "meta_attributes": meta}
    attributes = "".join(
        '<%s id="%s-%s">%s</%s>' % (tag, name, tag, "".join(
            '<nvpair id="%s-%s" name="%s" value="%s"/>' % (name, *pair) for pair in [
                (key, key, value) for key, _, value in (
                    word.partition("=") for word in text.split())]), tag)
        for tag, text in pairs.items() if text)
    monitor = interval and ('<op id="%s-monitor" name="monitor" interval="%s" timeout="20s"/>'
                            % (name, interval))
    return '<primitive id="%s" class="ocf" provider="%s" type="%s">%s<operations>%s%s' \
           "</operations></primitive>" % (name, provider, kind, attributes, monitor or "",
                                          operations)


def pinned(name, node):
    return '<rsc_location id="at-%s-%s" rsc="%s" node="%s" score="1000"/>' % (name, node, name,
                                                                             node)


class NodeScenario(Scenario):
    #: the lab is given our executor for its nodes
    executor = True

    def add(self, resources, constraints=""):
        cluster.cib_merge(self.lab, "<configuration><resources>%s</resources><constraints>%s"
                          "</constraints></configuration>" % (resources, constraints))

    def remove(self, *names):
        """Stop top-level resources, then take them out of the configuration."""
        for name in names:
            self.on("n1", "crm_resource", "-r", name, "-m", "-p", "target-role", "-v", "Stopped")
        for name in names:
            self.wait_resource(name, "stopped", settle=False)
        self.settle()
        for name in names:
            self.on("n1", "cibadmin", "--delete-all", "--force", "--xpath",
                    "//rsc_location[@rsc='%s']" % name)
            self.on("n1", "cibadmin", "--delete-all", "--force", "--xpath",
                    "//resources/*[@id='%s']" % name)

    def agent(self, name, text):
        """Install an OCF agent ocf:lab:NAME on all nodes."""
        for host in NODES:
            directory = self.root(host) + "/usr/lib/ocf/resource.d/lab"
            os.makedirs(directory, exist_ok=True)
            write_file(os.path.join(directory, name), text, 0o755)

    def places(self, name, role=None):
        """The nodes where a resource (or instances of one) runs."""
        states = cluster.resource_states(self.lab, name) or []
        return sorted(node for found, node, failed in states
                      if node and not failed and (not role or found in role))

    def history(self, node, resource, **wanted):
        """Entries of a node's operation history; attributes as in the CIB, _ for -."""
        return [entry for entry in self.cib().findall(
            "./status/node_state[@uname='%s']//lrm_resource[@id='%s']/lrm_rsc_op" % (
                node, resource))
            if all(entry.get(key.replace("_", "-")) == value for key, value in wanted.items())]

    def executor_pids(self, host):
        return [pid for pid, name, _ in self.lab.processes(self.lab.host(host))
                if name.startswith(EXECD[:15])]

    def processes_named(self, host, mark):
        return [pid for pid, _, line in self.lab.processes(self.lab.host(host)) if mark in line]


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
        self.add(tag % primitive("p-s", agent="pacemaker:Stateful", interval="",
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

    def test_forking(self):
        """An agent that leaves children with its output is done when it exits."""
        self.agent("Forker", FORKER)
        self.add(primitive("fork", agent="lab:Forker", interval="2s",
                           operations=start_within("fork", 8)), pinned("fork", "n2"))
        self.wait_resource("fork", "n2")
        self.expect(len(self.processes_named("n2", "lab-left-behind")) >= 2,
                    "what it started is gone")
        self.expect(self.failures("fork", "start") == 0, "the start failed")
        self.remove("fork")
        for pid in self.processes_named("n2", "lab-left-behind"):
            os.kill(pid, signal.SIGKILL)

    def test_stubborn(self):
        """An agent that ignores signals is killed with its children when its time is up."""
        self.agent("Stubborn", STUBBORN)
        self.add(primitive("stubborn", agent="lab:Stubborn", interval="",
                           meta="migration-threshold=1",
                           operations=start_within("stubborn", 3)))
        self.eventually("the start to time out", lambda: any(
            self.history(host, "stubborn", operation="start", op_status="2") for host in NODES))
        self.eventually("nothing of it to be left", lambda: not any(
            self.processes_named(host, "lab-stubborn") for host in NODES))
        self.remove("stubborn")

    def test_output(self):
        """Agents that print 10 MB, of one kind and at random, are run like any other."""
        self.agent("Loud", LOUD)
        for name, source in (("loud", "zero"), ("noise", "urandom")):
            self.add(primitive(name, agent="lab:Loud", interval="2s", params="source=" + source),
                     pinned(name, "n3"))
        for name in ("loud", "noise"):
            self.wait_resource(name, "n3")
            self.eventually("a second monitor of " + name, lambda n=name: self.runs(n) >= 3)
            for operation in ("start", "monitor"):
                self.expect(not self.failures(name, operation), "%s of %s failed" % (
                    operation, name))
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

    def test_killed(self):
        """The executor killed during an action: pacemakerd starts it again, all recovers."""
        self.agent("Slow", SLOW)
        before = self.executor_pids("n2")
        self.add(primitive("slow", agent="lab:Slow"), pinned("slow", "n2"))
        self.eventually("the start to be under way",
                        lambda: self.processes_named("n2", "lab-slow-start"))
        self.kill("n2", EXECD)
        self.eventually("another executor", lambda: self.executor_pids("n2") not in ([], before))
        self.wait_node("n2", "online")
        self.wait_resource("slow", "n2")
        self.wait_resource("d-n2", "n2")
        self.break_dummy("n2", "d-n2")
        self.eventually("d-n2's monitor to work again", lambda: self.state_file("n2", "d-n2"))
        self.settle()
        self.remove("slow")

    def test_many(self):
        """Many resources are probed, started, monitored and stopped."""
        names = ["many-%d" % number for number in range(MANY)]
        self.add("".join(primitive(name, interval="20s") for name in names))
        self.eventually("all to be started", lambda: self.started(names) == MANY, 120, 1)
        self.settle()
        self.expect(self.started(names) == MANY, "they do not stay")
        failed = [entry.get("op_key") for entry in
                  cluster.crm_mon(self.lab).findall("failures/failure")]
        self.expect(not any("many-" in str(key) for key in failed), failed)
        self.on("n1", "cibadmin", "--replace", "--xml-text", without(self.cib(), "many-"),
                "-o", "resources")
        self.eventually("all to be stopped", lambda: not any(
            "Dummy-many-" in name for host in NODES for name in os.listdir(
                self.root(host) + "/run") + os.listdir(
                    self.root(host) + "/run/resource-agents")), 120, 1)
        self.settle()

    def started(self, names):
        tree = cluster.crm_mon(self.lab)
        wanted = set(names)
        return 0 if tree is None else sum(
            resource.get("id") in wanted and resource.get("role") == "Started"
            and resource.get("failed") != "true" for resource in tree.iter("resource"))

    def test_stopped(self):
        """pacemakerd stops: resources leave, and the executor exits with 0."""
        status = daemons.stop(self.lab, self.lab.host("n3"), "pacemakerd", timeout=60)
        self.expect(status == 0, "pacemakerd exited with %s" % status)
        self.expect(not self.state_file("n3", "d-n3"), "d-n3 was not stopped")
        self.expect_match(EXECD + r".*Exiting with code 0", self.log_of("n3"))
        self.wait_resource("d-n3", "started")


def start_within(name, seconds):
    return '<op id="%s-start" name="start" interval="0" timeout="%ds"/>' % (name, seconds)


def without(cib, prefix):
    """The resources of a CIB, as text, without those of this prefix."""
    section = cib.find("configuration/resources")
    for resource in list(section):
        if resource.get("id", "").startswith(prefix):
            section.remove(resource)
    return ET.tostring(section, encoding="unicode")


AGENT = """#!/bin/sh
state=/run/lab-%(name)s-$OCF_RESOURCE_INSTANCE.state
case $1 in
    start) %(start)s; touch $state ;;
    stop) rm -f $state ;;
    monitor) [ -e $state ] || exit 7; %(monitor)s ;;
    meta-data) echo '<resource-agent name="%(name)s"><version>1.1</version></resource-agent>' ;;
    *) exit 3 ;;
esac
"""
FORKER = AGENT % {
    "name": "forker", "monitor": "true",
    "start": "for i in 1 2; do sh -c 'sleep 600; : lab-left-behind' & done"}
STUBBORN = AGENT % {
    "name": "stubborn", "monitor": "true",
    "start": "trap '' HUP INT QUIT TERM USR1; for i in 1 2; do sh -c "
             "'trap \"\" HUP INT QUIT TERM; while :; do sleep 1; done; : lab-stubborn' & done; "
             "while :; do sleep 1; done"}
# base64 of zeros is one letter; what is random cannot be compressed away.
LOUD = AGENT % {
    "name": "loud", "start": "true",
    "monitor": "echo 1 >>/run/lab-loud-$OCF_RESOURCE_INSTANCE; "
               "head -c 8000000 /dev/$OCF_RESKEY_source | base64"}
SLOW = AGENT % {"name": "slow", "monitor": "true",
                "start": "sh -c 'sleep 6; : lab-slow-start'"}
