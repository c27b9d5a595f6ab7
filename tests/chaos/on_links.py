# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events: links are cut, slow, reset and split; keys and certificates are wrong for a while."""

import contextlib
import os
import signal
import time

from chaos.events import event
from chaos.world import NODES
from lab import daemons, net
from support.base import LabError, write_file


@event(4)
def cut(pick):
    host, mode = pick.managed(), pick.of("drop", "drop", "in", "out")
    seconds = pick.seconds(*pick.of((0.5, 3), (3, 15), (15, 40)))

    def act(world):
        net.cut(world.lab, world.host(host), mode)
        time.sleep(seconds)
        net.heal(world.lab, world.host(host))
    return {"host": host, "seconds": seconds, "mode": mode}, act


@event(3)
def slow_link(pick):
    host, seconds = pick.managed(), pick.seconds(5, 15)
    delay, loss = pick.of(50, 150, 300), pick.of(1, 5, 15)

    def act(world):
        net.set_link(world.lab, world.host(host), mode="up", delay=delay, jitter=delay / 3, loss=loss,
                     backend="auto")
        time.sleep(seconds)
        net.heal(world.lab, world.host(host))
    return {"host": host, "seconds": seconds, "delay": delay, "loss": loss}, act


@event(3)
def reset(pick):
    host, seconds = pick.managed(), pick.seconds(0.3, 6)

    def act(world):
        net.cut(world.lab, world.host(host), "rst")
        time.sleep(seconds)
        net.heal(world.lab, world.host(host))
    return {"host": host, "seconds": seconds}, act


@event(2)
def controller_stale(pick):
    """The link of the node that holds a connection is cut: the other node connects beside it, and the old
    connection is still open when the link heals."""
    name, seconds = pick.remote(), pick.seconds(2, 12)

    def act(world):
        node = world.place(name) or "n1"
        world.note("link of %s" % node)
        net.cut(world.lab, world.host(node))
        time.sleep(seconds)
        net.heal(world.lab, world.host(node))
    return {"with_connection_of": name, "seconds": seconds}, act


@event(2)
def controllers_split(pick):
    """The cluster nodes do not hear each other, while both reach the remote nodes; the device that fences
    hangs meanwhile, so that each goes on by itself."""
    seconds = pick.seconds(2, 12)

    def act(world):
        with fencers_hung(world):
            for node, other in (NODES, reversed(NODES)):
                neighbour(world, node, other, "02:4c:41:42:ff:ff")
            time.sleep(seconds)
            for node, other in (NODES, reversed(NODES)):
                neighbour(world, node, other, world.host(other)["mac"])
    return {"seconds": seconds}, act


def neighbour(world, node, other, address):
    """Have a node send what is for another one to this address."""
    with contextlib.suppress(LabError):
        world.lab.in_net(world.host(node), "ip", "neigh", "replace", world.host(other)["ip"], "lladdr", address,
                         "dev", "eth0", "nud", "permanent")


@contextlib.contextmanager
def fencers_hung(world):
    found = []
    for node in NODES:
        with contextlib.suppress(LabError):
            found += daemons.send_signal(world.lab, world.host(node), signal.SIGSTOP, "pacemaker-fenced")
    try:
        yield
    finally:
        for pid, _, _ in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@event(2, needs="psk")
def key_swapped(pick):
    host, seconds = pick.managed(), pick.seconds(2, 12)

    def act(world):
        swapped(world, host, "/etc/pacemaker/authkey", os.urandom(256), seconds)
    return {"host": host, "seconds": seconds}, act


@event(3, needs="x509")
def certificate_swapped(pick):
    """The certificate, its key or the authorities of a host are another host's, or no file of their kind."""
    host, seconds = pick.managed(), pick.seconds(2, 12)
    what, how = pick.of("cert", "key", "ca"), pick.of("other", "garbage")

    def act(world):
        path = "/etc/pacemaker/%s.pem" % what
        with open(world.root("n1") + ("/etc/pacemaker/cert.pem" if what == "ca" else path), "rb") as handle:
            other = handle.read()
        swapped(world, host, path, other if how == "other" else b"no certificate\n", seconds)
    return {"host": host, "seconds": seconds, "what": what, "how": how}, act


def swapped(world, host, inside, data, seconds):
    """Have another file in a host's place for some seconds, in which the connection is made again."""
    path = world.root(host) + inside
    with open(path, "rb") as handle:
        good = handle.read()
    found = os.stat(path)
    write_file(path, data, 0o640, found.st_uid, found.st_gid)
    try:
        net.cut(world.lab, world.host(host), "rst")
        time.sleep(1)
        net.heal(world.lab, world.host(host))
        time.sleep(seconds)
    finally:
        write_file(world.root(host) + inside, good, 0o640, found.st_uid, found.st_gid)


@event(3)
def connection_moves(pick):
    name, times, pause = pick.remote(), pick.of(1, 1, 2, 3), pick.seconds(1, 5)

    def act(world):
        for _ in range(times):
            node = world.place(name)
            if node:
                world.admin("crm_resource", "-r", name, "--ban", "-N", node)
            time.sleep(pause)
            world.admin("crm_resource", "-r", name, "--clear")
            time.sleep(pause)
    return {"name": name, "times": times, "pause": pause}, act
