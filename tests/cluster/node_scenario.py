# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the scenarios with our pacemaker-execd on every cluster node share."""

import os

from cluster.scenario import Scenario
from lab import cluster
from support.base import write_file

EXECD = "pacemaker-execd"
NODES = ("n1", "n2", "n3")


def primitive(name, agent="ocf:pacemaker:Dummy", interval="10s", params="", meta="",
              operations=""):
    """The XML of a resource; `params` and `meta` are words NAME=VALUE."""
    standard, *provider, kind = agent.split(":")
    pairs = {"instance_attributes": params, "meta_attributes": meta}
    attributes = "".join(
        '<%s id="%s-%s">%s</%s>' % (tag, name, tag, "".join(
            '<nvpair id="%s-%s" name="%s" value="%s"/>' % (name, *pair) for pair in [
                (key, key, value) for key, _, value in (
                    word.partition("=") for word in text.split())]), tag)
        for tag, text in pairs.items() if text)
    monitor = interval and operation(name, "monitor", interval, "20s")
    return '<primitive id="%s" class="%s" %stype="%s">%s<operations>%s%s</operations></primitive>' % (
        name, standard, "".join('provider="%s" ' % word for word in provider), kind, attributes,
        monitor or "", operations)


def operation(name, action, interval, timeout, more=""):
    return '<op id="%s-%s" name="%s" interval="%s" timeout="%s" %s/>' % (
        name, action, action, interval, timeout, more)


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
        self.install("/usr/lib/ocf/resource.d/lab/" + name, text)

    def install(self, path, text):
        """Install a program on all nodes."""
        for host in NODES:
            inside = self.root(host) + path
            os.makedirs(os.path.dirname(inside), exist_ok=True)
            write_file(inside, text, 0o755)

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


