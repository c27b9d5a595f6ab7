# SPDX-License-Identifier: LGPL-2.1-or-later
"""A scenario: one lab, and the tests that share it."""

import os
import re
import time
import xml.etree.ElementTree as ET

from lab import cluster, configs, daemons
from support.base import LabError, poll_until, write_file


class Failed(Exception):
    """A test found something else than it should have."""


def release_only(release):
    """Decorator: the test is about something that only this release of the cluster has."""
    def mark(function):
        function.release = release
        return function
    return mark


class Scenario:
    """Subclasses name the options of "lab up" and define test_* methods, which run in the
    order of their definition, those of base classes first.  The first line of its docstring
    is the name of a test."""

    options = ()
    #: seconds after which the rest of the tests counts as failed
    patience = 360
    #: releases of the cluster that know what it is about
    releases = ("2.1", "3.0")
    #: {release of the cluster: release of the remote hosts}, where they differ
    remote_release = {}
    #: are the nodes to run our executor?
    executor = False
    #: is our liblrmd to be in place of the distribution's?
    library = False
    #: is the daemon of the remote hosts ours?
    our_daemon = True

    def __init__(self, lab, release, remote_release):
        self.lab, self.release = lab, release
        # Tools of one release on a host of a cluster of another do not understand all.
        self.same_release = release == remote_release

    @classmethod
    def tests(cls, release):
        """The names of the tests for a release of the cluster, in order."""
        bases = [base for base in cls.__mro__ if base is not cls] + [cls]
        found = [name for base in bases for name in vars(base) if name.startswith("test_")]
        return [name for name in dict.fromkeys(found)
                if getattr(getattr(cls, name), "release", release) == release]

    @classmethod
    def title(cls, name):
        return (getattr(cls, name).__doc__ or name).strip().splitlines()[0].rstrip(".")

    # -- acting ------------------------------------------------------------

    def on(self, host, *argv, timeout=30, check=True, text_input=None):
        """Run a program inside a host, return its standard output."""
        return self.lab.inside(self.lab.host(host), *argv, timeout=timeout, check=check,
                               text_input=text_input).stdout

    def add(self, resources, constraints=""):
        """Add resources and constraints, as XML."""
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
        """Install an OCF agent ocf:lab:NAME on all hosts."""
        self.install("/usr/lib/ocf/resource.d/lab/" + name, text)

    def install(self, path, text):
        """Install a program on all hosts."""
        for host in self.lab.hosts():
            inside = self.root(host["name"]) + path
            os.makedirs(os.path.dirname(inside), exist_ok=True)
            write_file(inside, text, 0o755)

    def add_dummy(self, name, node, meta=()):
        """Add a Dummy that prefers `node`, then n1, and is monitored every two seconds."""
        cluster.cib_merge(self.lab, configs.dummy(name, node, "2s", "100", meta))
        cluster.cib_create(self.lab, "constraints", '<rsc_location id="loc-%s-2" rsc="%s" '
                           'node="n1" score="50"/>' % (name, name))
        self.wait_resource(name, node)

    def break_dummy(self, host, name):
        """Make the next monitor of a Dummy fail."""
        os.unlink(self.active_file(host, name))

    def kill(self, host, target=None):
        daemons.send_signal(self.lab, self.lab.host(host), 9, target)

    def start_remoted(self, host):
        """Start the daemon of a host again, and wait until it listens."""
        host = self.lab.host(host)
        daemons.wait_end(self.lab, host, "pacemaker-remoted", 10)
        daemons.start_remoted(self.lab, host)

    # -- asking ------------------------------------------------------------

    def root(self, host):
        """The root directory of a host as seen from here."""
        return self.lab.root_of(self.lab.host(host))

    def state_file(self, host, name):
        """The file that a Dummy keeps on a host while it is started, or None."""
        for directory in ("/run", "/run/resource-agents"):
            path = "%s%s/Dummy-%s.state" % (self.root(host), directory, name)
            if os.path.exists(path):
                return path
        return None

    def active_file(self, host, name):
        path = self.state_file(host, name)
        self.expect(path, "%s is not active on %s" % (name, host))
        return path

    def started_once(self, host, name):
        """Something that changes when a Dummy is started again."""
        found = os.stat(self.active_file(host, name))
        return found.st_ino, found.st_mtime_ns

    def cib(self):
        """The whole CIB, as n1 or the first live node has it."""
        node = cluster.any_node(self.lab)["name"]
        return ET.fromstring(self.on(node, "cibadmin", "-Q"))

    def places(self, name, role=None):
        """The nodes where a resource (or instances of one) runs."""
        states = cluster.resource_states(self.lab, name) or []
        return sorted(node for found, node, failed in states
                      if node and not failed and (not role or found in role))

    def processes_named(self, host, mark):
        return [pid for pid, _, line in self.lab.processes(self.lab.host(host)) if mark in line]

    def failures(self, resource, operation):
        """How often an operation of a resource has failed, by its fail-counts."""
        name = "fail-count-%s#%s" % (resource, operation)
        values = [pair.get("value") for pair in self.cib().iter("nvpair")
                  if (pair.get("name") or "").startswith(name)]
        return sum(1000000 if value == "INFINITY" else int(value) for value in values)

    def connection_node(self, remote="r1"):
        """The cluster node that holds the connection to a remote host."""
        states = cluster.resource_states(self.lab, remote) or []
        return next((node for role, node, _ in states if role == "Started"), None)

    def log_of(self, host):
        path = os.path.join(self.lab.hostdir(self.lab.host(host)),
                            "log/pacemaker/pacemaker.log")
        with open(path, errors="replace") as handle:
            return handle.read()

    # -- waiting and expecting ---------------------------------------------

    def eventually(self, what, predicate, timeout=60, interval=0.1):
        return poll_until(what, predicate, timeout, interval)[0]

    def wait_node(self, name, *states, timeout=120):
        self.eventually("node %s to be %s" % (name, " or ".join(states)),
                        lambda: cluster.node_state(self.lab, name) in states, timeout)

    def wait_resource(self, name, state, timeout=120, settle=True):
        """Wait for a state of a resource ("started", "stopped", "failed") or its host."""
        self.eventually("resource %s to be %s" % (name, state),
                        lambda: cluster.resource_is(self.lab, name, state), timeout)
        if settle and state in self.lab.state["hosts"]:
            # What it goes through next is not for the next test to stumble over.
            self.settle()
            self.expect(cluster.resource_is(self.lab, name, state),
                        "%s does not stay on %s" % (name, state))

    def settle(self):
        """Wait until the cluster has nothing left to do."""
        self.on(cluster.any_node(self.lab)["name"], "crm_resource", "--wait", "--timeout=90s",
                timeout=100)

    def stays(self, what, predicate, seconds):
        """For facts that are absences: ask again and again, and it must hold every time."""
        deadline = time.monotonic() + seconds
        while True:
            if not predicate():
                raise Failed("no longer true: " + what)
            if time.monotonic() >= deadline:
                return
            time.sleep(0.2)

    def expect(self, condition, message):
        if not condition:
            raise Failed(message)

    def expect_match(self, pattern, text):
        if not re.search(pattern, text, re.M):
            raise Failed("no /%s/ in:\n%s" % (pattern, text.strip() or "(nothing)"))

    def recover(self, host, timeout=120):
        """What an administrator does after repairs, when the cluster has given a host up."""
        def online():
            if cluster.node_state(self.lab, host) == "online":
                return True
            self.on(cluster.any_node(self.lab)["name"], "crm_resource", "--refresh",
                    check=False)
            return False

        self.eventually("node %s to be online after crm_resource --refresh" % host, online,
                        timeout, 2)


ERRORS = (Failed, LabError, AssertionError, OSError, ET.ParseError, ValueError, KeyError,
          TypeError)
