# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the scenarios with our pacemaker-execd on every cluster node share."""

from cluster.scenario import Scenario

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

    def history(self, node, resource, **wanted):
        """Entries of a node's operation history; attributes as in the CIB, _ for -."""
        return [entry for entry in self.cib().findall(
            "./status/node_state[@uname='%s']//lrm_resource[@id='%s']/lrm_rsc_op" % (
                node, resource))
            if all(entry.get(key.replace("_", "-")) == value for key, value in wanted.items())]

    def executor_pids(self, host):
        return [pid for pid, name, _ in self.lab.processes(self.lab.host(host))
                if name.startswith(EXECD[:15])]
