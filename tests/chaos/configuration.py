# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab of the rounds: its options, agents and resources."""

import os

from chaos import agents
from chaos.world import CONNECTIONS, GUEST, HOME, HOSTS, INTERVAL, NODES, REMOTES
from lab import cluster, configs
from support.base import LabError, write_file

OPTIONS = ("--nodes", "2", "--remotes", "2", "--guests", "1", "--fencing", "--no-resources",
           "--reconnect-interval", "5s", "--remote-monitor", "3s", "--remote-monitor-timeout", "8s",
           "--property", "start-failure-is-fatal=false", "--property", "cluster-recheck-interval=30s",
           "--timeout", "120")
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
#: what a host's daemon is told its clock is ahead, where clocks are stepped
CLOCK = "/run/chaos-clock"


def clock_options():
    """Options of a lab whose remote daemons have a clock that can be stepped."""
    if not os.path.exists(FAKETIME):
        raise LabError("no %s (first: tests/setup chaos)" % FAKETIME)
    inside = "/opt/libfaketime.so.1"
    words = ["--share", FAKETIME + ":" + inside]
    for pair in ("LD_PRELOAD=" + inside, "FAKETIME_TIMESTAMP_FILE=" + CLOCK, "FAKETIME_NO_CACHE=1",
                 "DONT_FAKE_MONOTONIC=1", "FAKETIME_DISABLE_SHM=1"):
        words += ["--remote-env", pair]
    return words


def install(lab, planted=None):
    """Give the lab its agents and resources."""
    shared = os.path.join(lab.dir, "power", "chaos")
    os.makedirs(shared, exist_ok=True)
    os.chmod(shared, 0o777)
    install_agents(lab, planted)
    cluster.cib_merge(lab, configuration(lab))


def install_agents(lab, planted=None):
    """Give all hosts the agents; `planted` is (fault, one run in how many)."""
    for host in lab.hosts():
        root = lab.root_of(host)
        base = root + "/usr/lib/ocf/resource.d/chaos"
        os.makedirs(base, exist_ok=True)
        write_file(base + "/vm.new", agents.VM, 0o755)
        os.rename(base + "/vm.new", base + "/vm")
        write_file(root + "/usr/lib/ocf/lib/chaos-res", agents.RES, 0o755)
        front = agents.PLANTED % {"fault": planted[0], "one_in": planted[1]} if planted else agents.RES
        write_file(base + "/res.new", front, 0o755)
        os.rename(base + "/res.new", base + "/res")


def operation(name, action, interval, timeout, more=""):
    return '<op id="%s-%s-%s" name="%s" interval="%s" timeout="%s" %s/>' % (
        name, action, interval, action, interval, timeout, more)


def meta(name, **pairs):
    return '<meta_attributes id="%s-m">%s</meta_attributes>' % (name, "".join(
        '<nvpair id="%s-m-%s" name="%s" value="%s"/>' % (name, key, key.replace("_", "-"), value)
        for key, value in pairs.items()))


def resource(name, more=""):
    operations = operation(name, "monitor", "%ds" % INTERVAL[name], "10s")
    if name == "pr":
        operations += operation(name, "monitor", "5s", "10s", 'role="Master"')
    operations += "".join(operation(name, action, "0s", "20s") for action in ("start", "stop"))
    return ('<primitive id="%s" class="ocf" provider="chaos" type="res">%s<operations>%s</operations></primitive>' % (
        name, more, operations))


def guest(lab):
    attributes = ('<instance_attributes id="vm-g1-i"><nvpair id="vm-g1-plug" name="plug" value="g1"/>'
                  "</instance_attributes>")
    operations = "".join((operation("vm-g1", "monitor", "5s", "20s"), operation("vm-g1", "start", "0s", "40s"),
                          operation("vm-g1", "stop", "0s", "40s")))
    more = meta("vm-g1", remote_node="g1", remote_addr=lab.host(GUEST)["ip"], remote_connect_timeout="30s")
    return ('<primitive id="vm-g1" class="ocf" provider="chaos" type="vm">%s%s<operations>%s</operations>'
            "</primitive>" % (attributes, more, operations))


def location(name, host, score):
    return '<rsc_location id="l-%s-%s" rsc="%s" node="%s" score="%d"/>' % (name, host, name, host, score)


def configuration(lab):
    resources = [configs.remote_primitive(lab.state, lab.host(name)) for name in REMOTES]
    resources.append(guest(lab))
    resources += [resource(name, meta("mig", allow_migrate="true") if name == "mig" else "")
                  for name in HOME if name not in ("ga", "gb")]
    resources.append('<group id="grp">%s%s</group>' % (resource("ga"), resource("gb")))
    resources.append('<clone id="cl-clone">%s%s</clone>' % (meta("cl-clone", interleave="true"), resource("cl")))
    resources.append('<clone id="pr-clone">%s%s</clone>' % (
        meta("pr-clone", promotable="true", notify="true", promoted_max="1", interleave="true"), resource("pr")))
    constraints = []
    for name, home in HOME.items():
        if name != "gb":
            constraints += [location("grp" if name == "ga" else name, host,
                                     200 if host == home else 50 - HOSTS.index(host)) for host in HOSTS]
    for name in CONNECTIONS:
        constraints += [location(name, node, 100 if (node == "n1") == (name != "r2") else 50) for node in NODES]
    return "<configuration><resources>%s</resources><constraints>%s</constraints></configuration>" % (
        "".join(resources), "".join(constraints))
