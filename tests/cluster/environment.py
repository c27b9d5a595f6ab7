# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the environment of daemons can change: port, address, place of the key, TLS; and wrong values of each."""

import re

from cluster.node_scenario import operation, primitive
from cluster.promises import Promises
from lab import cluster, daemons

PORT = "4321"
KEY = "/etc/pacemaker/keys/own"
#: priorities of the remote node, and what they leave: a pattern of the suite
PRIORITIES = {"PFS": "DHE-PSK-", "SECURE256": "256", "NORMAL:-DHE-PSK": r"\bPSK-AES|TLS_PSK|^PSK|, PSK-"}
#: a wrong value, what the daemon says, and does it serve in spite of it?
WRONG = (
    ("PCMK_remote_port=70000", "warning.*not a port .*using 3121 instead", True),
    ("PCMK_remote_address=no.such.host", "crit.*no.such.host.*PCMK_remote_address", False),
    ("PCMK_remote_address=192.0.2.1", "crit.*192.0.2.1.*does not have that address", False),
    ("PCMK_authkey_location=/etc/pacemaker/none", "warning.*/etc/pacemaker/none: it does not exist", True),
    ("PCMK_tls_priorities=NORMAL:+NONSENSE", "crit.*PCMK_tls_priorities.*NONSENSE", False),
    ("PCMK_dh_min_bits=many", "warning.*PCMK_dh_min_bits.*without effect", True),
)


class Environment(Promises):
    options = ("--remotes", "1", "--guests", "1", "--remote-port", PORT, "--authkey-path", KEY,
               "--remote-env", "r1:PCMK_remote_address=10.199.0.12", "--env", "PCMK_tls_priorities=NORMAL:-VERS-TLS1.3",
               "--node-env", "PCMK_dh_min_bits=4096", "--node-env", "PCMK_dh_max_bits=8192",
               "--reconnect-interval", "2s", "--remote-monitor", "2s", "--remote-monitor-timeout", "5s")

    def test_online(self):
        """Remote node and guest are online at another port, with a key elsewhere, TLS 1.2 and bounds of the group"""
        for host in ("r1", "g1"):
            self.run_on("d-" + host, host)
            self.expect_match(r"authenticated \(TLS 1\.2, ", self.log_of(host))
        self.expect(self.addresses("r1") == {"10.199.0.12:" + PORT}, "r1 listens on %s" % self.addresses("r1"))
        self.expect(self.addresses("g1") <= {"*:" + PORT, "[::]:" + PORT, "0.0.0.0:" + PORT},
                    "g1 listens on %s" % self.addresses("g1"))

    def addresses(self, host):
        """Where a host listens for TCP, and on which UDP ports: addresses and ports."""
        text = self.lab.in_net(self.lab.host(host), "ss", "-Hltun").stdout
        return {line.split()[4] for line in text.splitlines()}

    def test_priorities(self):
        """Priorities of the remote node alone leave fewer suites, of which the cluster takes one"""
        for words, suite in PRIORITIES.items():
            before = len(self.suites())
            self.restart(PCMK_tls_priorities=words)
            self.eventually("a connection with " + words, lambda n=before: len(self.suites()) > n)
            self.expect(re.search(suite, self.suites()[-1]), "%s: %s" % (words, self.suites()[-1]))
            # A connection that is lost while it is made would count as a failed start.
            self.wait_resource("r1", "n1")

    def suites(self):
        return re.findall(r"authenticated \(TLS 1\.2, ([^)]*)\)", self.log_of("r1"))

    def restart(self, **variables):
        """Restart the daemon of r1 with these variables beside its own; return whether it serves."""
        host = self.lab.host("r1")
        if self.daemon_pid("r1"):
            self.kill("r1")
            daemons.wait_end(self.lab, host, "pacemaker-remoted", 10)
        daemons.define_remoted(self.lab, {**host, "env": {**host["env"], **variables}})
        before = len(self.log_of("r1"))
        daemons.start(self.lab, host)
        return self.eventually("the daemon to serve or to end", lambda: re.search(
            "Ready:|Exiting with code", self.log_of("r1")[before:]), 10)[0] == "Ready:"

    def test_wrong_addresses(self):
        """Remote nodes with a wrong address or port fail one by one, and disturb no other"""
        wrong = {"w-name": "server=no.such.host", "w-closed": "server=%s port=9" % self.lab.host("r1")["ip"],
                 "w-silent": "server=10.199.0.250"}
        pid = self.daemon_pid("g1")
        for name, params in wrong.items():
            self.add(primitive(name, agent="ocf:pacemaker:remote", params=params, interval="",
                               meta="migration-threshold=1", operations=operation(name, "start", "0", "6s")))
        for name in wrong:
            self.eventually("the start of %s to fail" % name, lambda n=name: self.failures(n, "start"), 60)
        self.remove(*wrong)
        self.on("n1", "crm_resource", "--cleanup")
        for name in wrong:
            self.on("n1", "crm_node", "--force", "--remove", name)
        self.expect(self.daemon_pid("g1") == pid, "a daemon was restarted")
        self.expect(cluster.node_state(self.lab, "g1") == "online", "g1 is not online")

    def test_wrong_values(self):
        """A wrong value of each is told with its name; the daemon serves on or says why it does not"""
        for pair, said, serves in WRONG:
            name, _, value = pair.partition("=")
            before = len(self.log_of("r1"))
            self.expect(self.restart(**{name: value}) == serves, "%s: it %s" % (pair, "ended" if serves else "serves"))
            self.expect_match(said, self.log_of("r1")[before:])
            if not serves:
                status = daemons.wait_end(self.lab, self.lab.host("r1"), "pacemaker-remoted", 10)
                self.expect(status == 100, "%s: exit status %s" % (pair, status))

    def test_cured(self):
        """With right values again it comes back, and what ran there is monitored; the guest saw nothing of it"""
        self.expect(self.restart(), "it does not serve")
        self.recover("r1")
        self.wait_resource("d-r1", "started")
        self.expect(cluster.node_state(self.lab, "g1") == "online", "g1 is not online")
        self.expect(self.failures("g1", "monitor") == 0, "a monitor of g1 has failed")
