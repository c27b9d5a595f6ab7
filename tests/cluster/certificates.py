# SPDX-License-Identifier: LGPL-2.1-or-later
"""A cluster whose remote hosts use certificates: what works, who is refused, and that it heals."""

import os
import re
import shutil
import subprocess

from cluster.everyday import ResourceTests
from lab import cluster
from pki.authority import DAY, Authority

PLACE = "/etc/pacemaker/%s.pem"
OFFLINE = ("offline", "unclean")


class Certificates(ResourceTests):
    options = ("--tls", "x509", "--guests", "1")
    releases = ("3.0",)
    def __init__(self, *args):
        super().__init__(*args)
        self.pki = Authority(os.path.join(self.lab.dir, "pki"))
        self.pki.keys["ca"] = "ca"
        self.pki.next_serial = 0x9000

    def test_online(self):
        """The remote host is online, with certificates, and the daemon says whose it has accepted."""
        self.expect_match(r"RemoteOnline: \[ r1 \]", self.on("n1", "crm_mon", "-1"))
        self.expect_log("r1", r"authenticated \(TLS 1\.3, .*\) as CN=n1,O=Cluster$")

    def test_started(self):
        """A Dummy is started on the remote host, and only there."""
        # Named here, too, so that it stands before what needs it in the classes that stand on this one.
        super().test_started()

    def test_guest(self):
        """A resource runs on the guest, which uses certificates, too."""
        self.expect_match(r"GuestOnline: \[ g1(@n1)? \]", self.on("n1", "crm_mon", "-1"))
        self.add_dummy("d2", "g1")
        self.active_file("g1", "d2")

    def test_expired(self):
        """A remote host with an expired certificate is refused by the cluster, and says why itself."""
        self.pki.certificate("r1-expired", issuer="ca", key="r1", begin=-400 * DAY, end=-DAY,
                             extensions=["keyUsage=critical,digitalSignature"])
        self.put("r1", "cert", "cert", "r1-expired")
        self.restart_r1()
        self.expect_log("r1", r"error.*certificate of this node.*has expired on")
        if self.library:
            self.eventually("the controller to be told", lambda: re.search(
                "peer's certificate is refused: certificate has expired", self.log_of("n1")), 30)
        self.wait_node("r1", *OFFLINE)
        self.heal(cert="r1")

    def test_revoked_host(self):
        """A remote host whose certificate is on the cluster nodes' list is refused by them."""
        self.pki.revocations("r1-revoked", "ca", [self.serial("r1")])
        self.put("n1", "crl", "crl", "r1-revoked")
        self.restart_r1()
        self.wait_node("r1", *OFFLINE)
        self.put("n1", "crl", "crl", "none")
        self.heal()

    # -- helpers -----------------------------------------------------------

    def expect_log(self, host, pattern):
        """Our daemon says so; another has other words."""
        if self.our_daemon:
            self.eventually("%s in the log of %s" % (pattern, host),
                            lambda: re.search(pattern, self.log_of(host), re.M), 20)

    def put(self, host, what, kind, name):
        """Replace one of a host's files."""
        target = self.root(host) + PLACE % what
        shutil.copyfile(self.pki.path(kind, name), target)

    def serial(self, name):
        text = subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", self.pki.path("cert", name)],
                              stdout=subprocess.PIPE, text=True, check=True).stdout
        return text.strip().partition("=")[2]

    def restart_r1(self):
        self.kill("r1")
        self.start_remoted("r1")

    def heal(self, cert=None):
        """Put things right, as an administrator would, and wait for the host and its resource."""
        if cert:
            self.put("r1", "cert", "cert", cert)
        self.restart_r1()
        self.recover("r1", timeout=240)
        self.wait_resource("d1", "r1")
        self.expect(cluster.node_state(self.lab, "r1") == "online", "r1 is not online")


class LibraryCertificates(Certificates):
    """The same on our library.  Upstream's has no connect event when a daemon refuses it at TLS 1.3, so that
    its controller hangs, and does not heal within minutes."""

    library = True

    def test_revoked_node(self):
        """A cluster node whose certificate is on the remote host's list is refused, with the reason in the log."""
        self.pki.revocations("n1-revoked", "ca", [self.serial("n1")])
        self.put("r1", "crl", "crl", "n1-revoked")
        self.restart_r1()
        # Pacemaker's own daemon closes the connection without an alert.
        told = "refuses our certificate.*revoked" if self.our_daemon else "closed the connection right after the handshake"
        self.eventually("the controller to be told", lambda: re.search(told, self.log_of("n1")), 30)
        self.wait_node("r1", *OFFLINE)
        self.expect_log("r1", "certificate revoked")
        self.put("r1", "crl", "crl", "none")
        self.heal()
