# SPDX-License-Identifier: LGPL-2.1-or-later
"""Questions to the cluster, asked on the first node that answers."""

import contextlib
import xml.etree.ElementTree as ET

from lab import configs
from support.base import LabError

RUNNING = ("Started", "Promoted", "Unpromoted", "Master", "Slave")


def crm_mon(lab):
    """Parsed crm_mon from the first node that answers, or None."""
    for host in lab.live_nodes():
        try:
            result = lab.inside(host, "crm_mon", "-1", "--output-as=xml", timeout=10,
                                check=False)
        except LabError:
            continue
        if result.returncode == 0:
            with contextlib.suppress(ET.ParseError):
                return ET.fromstring(result.stdout)
    return None


def node_state(lab, name):
    """online, standby, pending, unclean, offline, or None if nobody knows it."""
    tree = crm_mon(lab)
    node = None if tree is None else tree.find("./nodes/node[@name='%s']" % name)
    if node is None:
        return None
    if node.get("unclean") == "true":
        return "unclean"
    if node.get("pending") == "true":
        return "pending"
    if node.get("online") == "true":
        return "standby" if node.get("standby") == "true" else "online"
    return "offline"


def resource_states(lab, name):
    """List of (role, node, failed) of a resource, or None if nobody answers."""
    tree = crm_mon(lab)
    if tree is None:
        return None
    found = []
    for resource in tree.iter("resource"):
        if resource.get("id", "").split(":")[0] == name:
            nodes = [n.get("name") for n in resource.findall("node")] or [None]
            found += [(resource.get("role"), node, resource.get("failed") == "true")
                      for node in nodes]
    return found


def resource_is(lab, name, state):
    """Is a resource started, stopped, failed, absent, or running well on the host `state`?"""
    states = resource_states(lab, name)
    if states is None:
        return False
    if state == "absent":
        return not states
    if state == "failed":
        return any(failed for _, _, failed in states)
    if state == "stopped":
        return not [s for s in states if s[1] and s[0] != "Stopped"]
    good = [node for role, node, failed in states if node and not failed and role in RUNNING]
    return bool(good) if state == "started" else state in good


def any_node(lab):
    nodes = lab.live_nodes()
    if not nodes:
        raise LabError("no cluster node is alive")
    return nodes[0]


def cib_create(lab, section, xml):
    return lab.inside(any_node(lab), "cibadmin", "--create", "-o", section, "--xml-pipe",
                      text_input=xml)


def cib_merge(lab, xml):
    """Merge a <configuration> into the CIB."""
    return lab.inside(any_node(lab), "cibadmin", "--modify", "--allow-create", "-o",
                      "configuration", "--xml-pipe", text_input=xml)


def add_connection(lab, host):
    make = configs.guest_primitive if host["kind"] == "guest" else configs.remote_primitive
    return cib_create(lab, "resources", make(lab.state, host))
