# SPDX-License-Identifier: LGPL-2.1-or-later
"""Floods by a member of haclient and by a peer with the key, in a cluster that would fence the remote host.

Each lasts FLOOD_SECONDS, 3 unless set. Meanwhile resources are monitored every second, on the remote host and on a
cluster node; the state of the remote host is asked for all the time, from both sides."""

import collections
import json
import os
import subprocess
import time

from cluster import agents
from cluster.node_scenario import primitive
from cluster.scenario import Failed, Scenario
from lab import cluster, daemons
from support.base import LabError, write_file

SECONDS = int(os.environ.get("FLOOD_SECONDS", "3"))
PROGRAM = "/usr/lib/lab-flood"
MEMBER = ("setpriv", "--reuid=65534", "--regid=haclient", "--clear-groups", PROGRAM)
SERVERS = ("cib_ro", "cib_rw", "cib_shm", "attrd", "stonith-ng", "crmd")
# Between two monitors, whose interval is a second, on a machine that floods keep busy.
PUNCTUAL = 10
# What a question to the cluster may take, from the flooded host too.
PATIENCE = 30
# The memory that a daemon may ever have had, in KiB.
MOST_KIB = 300000
# A producer that was never slowed down would not have waited for even this part of the time.
LEAST_WAITED = 0.1

Flood = collections.namedtuple("Flood", "host words process")


class Floods(Scenario):
    options = ("--fencing", "--remote-monitor", "2s", "--remote-monitor-timeout", "15s")
    patience = 300 + 20 * SECONDS
    executor = True

    def test_bystanders(self):
        """Resources are monitored every second on the remote host and on the cluster node"""
        for host in ("n1", "r1"):
            for name, text in (("Watch", agents.WATCH), ("Quick", agents.QUICK)):
                path = self.root(host) + "/usr/lib/ocf/resource.d/lab/" + name
                os.makedirs(os.path.dirname(path), exist_ok=True)
                write_file(path, text, 0o755)
            with open(self.flood_program(), "rb") as program:
                write_file(self.root(host) + PROGRAM, program.read(), 0o755)
            name = "watch-" + host
            cluster.cib_merge(self.lab, "<configuration><resources>%s</resources><constraints>"
                              '<rsc_location id="at-%s" rsc="%s" node="%s" score="1000"/></constraints>'
                              "</configuration>" % (primitive(name, "ocf:lab:Watch", "1s"), name, name, host))
        for host in ("n1", "r1"):
            self.wait_resource("watch-" + host, host)
            self.eventually("monitors on " + host, lambda h=host: len(self.monitors(h)) > 2)
        self.pids = {host: self.daemon_pid(host) for host in ("n1", "r1")}

    @staticmethod
    def flood_program():
        repository = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        path = os.path.join(repository, "target/debug/examples/flood")
        if not os.path.exists(path):
            raise LabError("no %s (first: cargo build --all-features --example flood)" % path)
        return path

    def test_servers(self):
        """A member floods all proxied servers, with requests that just fit without compression"""
        self.withstand(*(("r1", *MEMBER, "server", name, "plain") for name in SERVERS))

    def test_servers_compressed(self):
        """A member floods all proxied servers with compressed requests"""
        self.withstand(*(("r1", *MEMBER, "server", name, "compressed") for name in SERVERS))

    def test_sessions(self):
        """A member opens and closes sessions of proxied servers as fast as it can"""
        self.withstand(*(("r1", *MEMBER, "connects", name, "plain") for name in ("cib_ro", "attrd", "lrmd")))

    def test_local_pokes(self):
        """A member floods the executor of the remote host with pokes"""
        self.member_pokes("r1")

    def test_node_pokes(self):
        """A member floods the executor of a cluster node with pokes"""
        self.member_pokes("n1")

    def test_peer_pokes(self):
        """A peer with the key floods the daemon with pokes"""
        self.peer_floods("pokes")

    def test_peer_registrations(self):
        """A peer with the key floods the daemon with registrations"""
        self.peer_floods("registrations")

    def test_peer_completions(self):
        """A peer with the key has short agents run without end"""
        self.peer_floods("completions")

    def test_afterwards(self):
        """Nothing was fenced, nothing failed, and the memory kept its bound"""
        self.settle()
        self.expect(cluster.node_state(self.lab, "r1") == "online", "r1 is not online")

    # -- what a flood must not do ------------------------------------------

    def member_pokes(self, host):
        for form in ("plain", "compressed"):
            self.withstand((host, *MEMBER, "server", "lrmd", form))

    def peer_floods(self, kind):
        for form in ("plain", "compressed"):
            self.withstand(("r1", PROGRAM, kind, form))

    def withstand(self, *floods):
        """Let floods go on beside each other, and see that nobody else notices."""
        begun = time.time()
        running = [self.start(*flood) for flood in floods]
        slowest = 0
        try:
            while any(flood.process.poll() is None for flood in running):
                slowest = max(slowest, self.ask("n1"), self.ask("r1"))
                self.expect(time.time() - begun < SECONDS + 2 * PATIENCE, "a flood does not end")
        finally:
            for flood in running:
                flood.process.kill()
        ended = time.time()
        for flood in running:
            self.judge(flood)
        late = {host: self.latest(host, begun, ended) for host in ("n1", "r1")}
        print("%s: %s: slowest question %.1f s, longest between monitors %s s, memory %s MiB" % (
            self.release, " ".join(floods[0][-3:]), slowest,
            " ".join("%s %.1f" % pair for pair in late.items()),
            " ".join("%s %d" % (host, self.peak_kib(host) / 1024) for host in self.pids)), flush=True)
        self.nothing_has_happened(late)

    def start(self, host, *words):
        argv = self.lab.enter(self.lab.host(host), [*words, str(SECONDS)])
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=self.lab.exec_env(self.lab.host(host)))
        return Flood(host, words[words.index(PROGRAM) + 1:], process)

    def ask(self, host):
        """Ask for the state of the remote host, as a tool there does; how long that took."""
        begun = time.monotonic()
        text = self.on(host, "crm_mon", "-1", timeout=PATIENCE)
        self.expect_match(r"RemoteOnline: \[ r1 \]", text)
        return time.monotonic() - begun

    def judge(self, flood):
        out, problems = flood.process.communicate(timeout=10)
        self.expect(flood.process.returncode == 0, "%s: %s" % (" ".join(flood.words), problems))
        report = json.loads(out)
        print("%s: %s: %s" % (self.release, " ".join(flood.words), out.strip()), flush=True)
        self.expect(report["sent"], "nothing of %s was taken" % " ".join(flood.words))
        self.expect(report["ended"] is not None or report["waited"] > LEAST_WAITED * SECONDS,
                    "not slowed down: %s: %s" % (" ".join(flood.words), out))

    def nothing_has_happened(self, late):
        for host, pid in self.pids.items():
            self.expect(late[host] < PUNCTUAL, "no monitor on %s for %.1f s" % (host, late[host]))
            self.expect(self.failures("watch-" + host, "monitor") == 0, "a monitor on %s failed" % host)
            self.expect(self.daemon_pid(host) == pid, "another daemon on " + host)
            self.expect(self.peak_kib(host) < MOST_KIB, "%d KiB on %s" % (self.peak_kib(host), host))
        self.expect(self.failures("r1", "monitor") == 0, "a monitor of the connection failed")
        lost = [line for line in self.log_of("n1").splitlines() if "Lost connection" in line]
        self.expect(not lost, "\n".join(lost))
        text = self.on("n1", "stonith_admin", "--history", "*", "--verbose", check=False)
        self.expect("r1" not in text, "fenced: " + text)

    # -- facts --------------------------------------------------------------

    def monitors(self, host):
        """When the resource of a host was monitored."""
        with open(self.root(host) + "/run/lab-watch-times") as handle:
            return [float(line) for line in handle.read().split("\n")[:-1]]

    def latest(self, host, begun, ended):
        """The longest time between two monitors that touches this one."""
        self.eventually("a monitor on " + host, lambda: self.monitors(host)[-1] > ended, PATIENCE)
        times = self.monitors(host)
        return max(after - before for before, after in zip(times, times[1:]) if after > begun)

    def daemon_pid(self, host):
        if host == "r1":
            return daemons.status(self.lab, self.lab.host(host))["pid"]
        found = [pid for pid, name, _ in self.lab.processes(self.lab.host(host))
                 if name.startswith("pacemaker-execd"[:15])]
        if len(found) != 1:
            raise Failed("executors on %s: %s" % (host, found))
        return found[0]

    def peak_kib(self, host):
        """The most memory that the daemon of a host ever had."""
        name = "pacemaker-execd" if host == "n1" else "pacemaker-remot"
        pid = next(pid for pid, found, _ in self.lab.processes(self.lab.host(host)) if found.startswith(name))
        with open("/proc/%d/status" % pid) as handle:
            return next(int(line.split()[1]) for line in handle if line.startswith("VmHWM"))
