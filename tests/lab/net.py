# SPDX-License-Identifier: LGPL-2.1-or-later
"""The links between the hosts: one bridge, and ways to cut and slow down each port."""

import os
import signal
import sys

from lab import control
from support.base import EX_MISSING, LabError, poll_until

ENTRY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab")


def make_switch(lab):
    switch = {"name": "switch", "kind": "switch", "env": {}}
    lab.state["switch"] = switch
    lab.spawn(switch, {})
    lab.in_net(switch, "ip", "link", "set", "lo", "up")
    lab.in_net(switch, "ip", "link", "add", "br0", "type", "bridge", "stp_state", "0",
               "forward_delay", "0", "mcast_snooping", "0")
    lab.in_net(switch, "ip", "link", "set", "br0", "up")


def attach(lab, host):
    """Give a host its link and addresses."""
    name, switch = host["name"], lab.state["switch"]
    lab.in_net(switch, "ip", "link", "add", "v-" + name, "type", "veth", "peer", "name",
               "eth0", "address", host["mac"], "netns", host["pid"])
    lab.in_net(switch, "ip", "link", "set", "v-" + name, "master", "br0", "up")
    lines = ["link set lo up", "link set eth0 up", "addr add %s/24 dev eth0" % host["ip"],
             "-6 addr add %s/64 dev eth0 nodad" % host["ip6"]]
    # Permanent neighbours: a cut link is then silent in both directions, as a
    # broken path further away would be, instead of "no route to host".
    for other in lab.hosts():
        if other is not host:
            lines.append("neigh replace %s lladdr %s dev eth0 nud permanent" % (
                other["ip"], other["mac"]))
            lines.append("-6 neigh replace %s lladdr %s dev eth0 nud permanent" % (
                other["ip6"], other["mac"]))
    for line in lines:
        result = lab.in_net(host, "ip", *line.split(), check=False)
        if result.returncode != 0 and "-6" not in line:
            raise LabError("%s: ip %s: %s" % (name, line, result.stderr.strip()))
    control.ask(lab.hostdir(host), request="offload", dev="eth0")


def set_link(lab, host, **changes):
    """Change the recorded state of a host's link and apply it; returns what was done."""
    with lab.lock():
        lab.load()
        host = lab.must_live(lab.host(host["name"]))
        host["link"].update(changes)
        how = apply_link(lab, host)
        lab.save()
    return how


def cut(lab, host, mode="drop"):
    """Cut a link: "drop" (silent), "rst", "down" (carrier), "in" or "out" (one way)."""
    return set_link(lab, host, mode=mode)


def heal(lab, host):
    return set_link(lab, host, mode="up", delay=0, jitter=0, loss=0)


def apply_link(lab, host):
    """Bring the link of a host into the state recorded in host["link"]."""
    name, link, switch = host["name"], host["link"], lab.state["switch"]
    port = "v-" + name
    stop_relay(lab, name)
    lab.in_net(switch, "tc", "qdisc", "del", "dev", port, "root", check=False)
    lab.in_net(switch, "ip", "link", "set", port, "nomaster")
    if link["mode"] == "down":
        lab.in_net(switch, "ip", "link", "set", port, "down")
        return "carrier lost"
    lab.in_net(switch, "ip", "link", "set", port, "up")
    if link["mode"] == "drop":
        return "all frames dropped"
    impaired = link["delay"] or link["jitter"] or link["loss"]
    if link["mode"] == "up" and not impaired:
        lab.in_net(switch, "ip", "link", "set", port, "master", "br0")
        return "link up"
    if link["mode"] == "up" and link["backend"] != "relay":
        # One instance shapes what leaves through the port towards the host, a
        # second one inside the host what it sends.
        if netem(lab, host, port):
            lab.in_net(switch, "ip", "link", "set", port, "master", "br0")
            return "netem"
        if link["backend"] == "netem":
            raise LabError("this kernel has no netem", EX_MISSING)
    start_relay(lab, name, link)
    return "user-space relay"


def stop_relay(lab, name):
    switch = lab.state["switch"]
    hostdir, daemon = lab.hostdir(switch), "relay-" + name
    status = control.daemons(hostdir).get(daemon)
    if status and status["pid"]:
        control.ask(hostdir, request="signal", name=daemon, signal=int(signal.SIGKILL))
        poll_until("the old relay to end", lambda: not control.daemons(hostdir)[daemon]["pid"],
                   5)
    lab.in_net(switch, "ip", "link", "del", "x-" + name, check=False)


def start_relay(lab, name, link):
    """Put a relay between the port of a host and the bridge."""
    switch = lab.state["switch"]
    hostdir, inner, outer = lab.hostdir(switch), "x-" + name, "y-" + name
    lab.in_net(switch, "ip", "link", "add", inner, "type", "veth", "peer", "name", outer)
    lab.in_net(switch, "ip", "link", "set", inner, "up")
    lab.in_net(switch, "ip", "link", "set", outer, "master", "br0", "up")
    argv = [sys.executable, ENTRY, "--dir", lab.dir, "__relay", "v-" + name, inner,
            "--delay", str(link["delay"]), "--jitter", str(link["jitter"]),
            "--loss", str(link["loss"])]
    if link["mode"] == "rst":
        argv.append("--reset")
    elif link["mode"] in ("in", "out"):
        argv += ["--drop", link["mode"]]
    control.ask(hostdir, request="define", name="relay-" + name, argv=argv,
                env=dict(os.environ))
    control.ask(hostdir, request="start", name="relay-" + name)

    def listening():
        daemons = control.daemons(hostdir)
        if not daemons["relay-" + name]["pid"]:
            raise LabError("the relay of %s died; see hosts/switch/log" % name)
        # Both raw sockets of each relay are there: this one forwards from now on.
        table = lab.in_net(switch, "cat", "/proc/net/packet").stdout
        return len(table.splitlines()) - 1 >= 2 * sum(
            1 for key, daemon in daemons.items() if key.startswith("relay-") and daemon["pid"])

    poll_until("the relay of " + name, listening, 10, 0.05)


def netem(lab, host, port):
    link = host["link"]
    opts = ["netem"]
    if link["delay"] or link["jitter"]:
        opts += ["delay", "%gms" % link["delay"]]
        if link["jitter"]:
            opts += ["%gms" % link["jitter"]]
    if link["loss"]:
        opts += ["loss", "%g%%" % link["loss"]]
    lab.in_net(host, "tc", "qdisc", "del", "dev", "eth0", "root", check=False)
    first = lab.in_net(lab.state["switch"], "tc", "qdisc", "replace", "dev", port, "root",
                       *opts, check=False)
    if first.returncode != 0:
        return False
    lab.in_net(host, "tc", "qdisc", "replace", "dev", "eth0", "root", *opts)
    return True
