# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys and certificates of a live cluster are replaced, and a cluster changes from the key to certificates.
Nothing of it fails a monitor or moves a resource."""

import os
import re
import signal

from cluster.certificates import PLACE
from cluster.scenario import Scenario
from lab import bringup, cluster, configs, daemons
from pki.authority import DAY, Authority
from support.base import write_file

KEY = "/etc/pacemaker/authkey"
SECOND = "/etc/pacemaker/authkey.second"
FILES = {"ca": "PCMK_ca_file", "cert": "PCMK_cert_file", "key": "PCMK_key_file"}
HOSTS = ("n1", "n2", "r1")


class Change(Scenario):
    """A remote host with a monitored resource, whose connection can be on either of two nodes."""

    def __init__(self, *args):
        super().__init__(*args)
        self.first = None

    def begin(self):
        self.add_dummy("d1", "r1")
        self.first = self.started_once("r1", "d1")

    def expect_undisturbed(self, *monitored):
        """No monitor of these has failed, and the resource was never started again."""
        self.wait_node("r1", "online")
        self.wait_resource("d1", "r1")
        self.expect(self.started_once("r1", "d1") == self.first, "d1 was started again")
        for name in monitored:
            self.expect(self.failures(name, "monitor") == 0, "a monitor of %s has failed" % name)

    def move_connection(self):
        """Have the other cluster node connect; return its name."""
        old = self.connection_node()
        new = {"n1": "n2", "n2": "n1"}[old]
        self.on("n1", "crm_resource", "-r", "r1", "--ban", "-N", old)
        self.wait_resource("r1", new)
        self.wait_node("r1", "online")
        self.on("n1", "crm_resource", "-r", "r1", "--clear")
        self.settle()
        return new

    def restart_node(self, node):
        """Restart a cluster node's Pacemaker, and have it make the connection."""
        host = self.lab.host(node)
        daemons.stop(self.lab, host, "pacemakerd", timeout=120)
        daemons.start(self.lab, host, "pacemakerd")
        self.wait_node(node, "online")
        self.settle()
        if self.connection_node() != node:
            self.move_connection()

    def accepted(self, words):
        """How often the daemon of r1 has let a client in, and said these words of it."""
        return len(re.findall(r"authenticated \(TLS 1\.[23], .*\)%s$" % words, self.log_of("r1"), re.M))

    def put(self, host, inside, data, mode=0o640):
        """Replace a file of a host, as an administrator would: a new file is renamed over it."""
        path = self.root(host) + inside
        write_file(path + ".new", data, mode)
        os.chown(path + ".new", 0, bringup.cluster_ids(self.lab.host(host)["root"])[1])
        os.rename(path + ".new", path)


class KeyRotation(Change):
    options = ("--nodes", "2", "--authkey-size", "4096", "--remote-env",
               "r1:PCMK_authkey_second_location=" + SECOND)

    def test_started(self):
        """A Dummy runs on the remote host; the second key is not there yet, which is said."""
        self.begin()
        self.expect_match("warning.*There is no second key", self.log_of("r1"))

    def test_new_key(self):
        """The key is changed, the second key first; each connection in between is made."""
        new = os.urandom(4096)
        self.put("r1", SECOND, new)
        self.move_connection()
        self.expect(self.accepted(" with the second key") == 0, "the old key was not used")
        for node in ("n1", "n2"):
            self.put(node, KEY, new)
            before = self.accepted(" with the second key")
            self.use_key(node)
            self.expect(self.accepted(" with the second key") > before, "%s does not use the new key" % node)
        self.put("r1", KEY, new)
        os.unlink(self.root("r1") + SECOND)
        first, second = self.accepted(""), self.accepted(" with the second key")
        self.move_connection()
        self.expect((self.accepted(""), self.accepted(" with the second key")) == (first + 1, second),
                    "the new key is not the first one now")

    def use_key(self, node):
        """Pacemaker's own library keeps a key: that of 3.0 as long as its process lives."""
        self.restart_node(node)

    def test_undisturbed(self):
        """After all this no monitor has failed, and the resource was never started again."""
        self.expect_undisturbed("d1", "r1")


class LibraryKeyRotation(KeyRotation):
    """The same on our library, which needs no restart."""

    library = True

    def use_key(self, node):
        while self.move_connection() != node:
            pass


class CertificateRotation(Change):
    options = ("--nodes", "2", "--tls", "x509")
    releases = ("3.0",)

    def __init__(self, *args):
        super().__init__(*args)
        self.new = Authority(os.path.join(self.lab.dir, "new-pki"))

    def test_started(self):
        """A Dummy runs on the remote host, which uses certificates."""
        self.begin()
        self.expect(self.accepted(" as CN=n[12],O=Cluster") > 0, "nobody was accepted")
        configs.make_certificates(self.new.directory, self.lab.hosts())

    def test_new_certificate(self):
        """New certificates of the same authority count without a restart and without a signal."""
        old = Authority(os.path.join(self.lab.dir, "pki"))
        old.keys["ca"], old.next_serial = "ca", 0x9000
        for host in HOSTS:
            old.certificate(host + "-next", issuer="ca", subject="/O=Cluster/CN=next-" + host, end=60 * DAY,
                            extensions=["keyUsage=critical,digitalSignature"])
            self.put(host, PLACE % "key", old.read("key", host + "-next"))
            self.put(host, PLACE % "cert", old.read("cert", host + "-next"))
        node = self.move_connection()
        self.expect_match("notice.*New certificates are in use.*CN=next-r1", self.log_of("r1"))
        self.expect(self.accepted(" as CN=next-%s,O=Cluster" % node) > 0, "%s showed another certificate" % node)

    def test_half_a_set(self):
        """Another authority alone, or a key alone, changes nothing, and is told once."""
        old_ca, old_key = (self.read("r1", name) for name in ("ca", "key"))
        self.put("r1", PLACE % "ca", self.new.read("cert", "ca"))
        self.move_connection()
        self.put("r1", PLACE % "ca", old_ca)
        self.put("r1", PLACE % "key", self.new.read("key", "r1"))
        daemons.send_signal(self.lab, self.lab.host("r1"), signal.SIGHUP)
        self.eventually("it to be said", lambda: "does not belong to the key" in self.log_of("r1"), 10)
        self.move_connection()
        self.put("r1", PLACE % "key", old_key)
        told = re.findall("error.*certificates were changed and are not used", self.log_of("r1"))
        self.expect(len(told) == 2, "told %d times" % len(told))

    def test_new_authority(self):
        """The authority is changed in three steps; each connection in between is made."""
        old_ca, new_ca = self.read("r1", "ca"), self.new.read("cert", "ca")
        for host in HOSTS:
            self.put(host, PLACE % "ca", old_ca + new_ca)
        daemons.send_signal(self.lab, self.lab.host("r1"), signal.SIGHUP)
        self.eventually("the daemon to read", lambda: "certificates were read again" in self.log_of("r1"), 10)
        self.move_connection()
        for host in ("r1", "n1", "n2"):
            self.put(host, PLACE % "key", self.new.read("key", host))
            self.put(host, PLACE % "cert", self.new.read("cert", host))
            self.move_connection()
        for host in HOSTS:
            self.put(host, PLACE % "ca", new_ca)
        self.move_connection()
        node = self.move_connection()
        self.expect(self.accepted(" as CN=%s,O=Cluster" % node) > 0, "%s is not known" % node)

    def test_undisturbed(self):
        """After all this no monitor has failed, and the resource was never started again."""
        self.expect_undisturbed("d1", "r1")

    def read(self, host, name):
        with open(self.root(host) + PLACE % name, "rb") as file:
            return file.read()


class LibraryCertificateRotation(CertificateRotation):
    """The same on our library."""

    library = True


class Migration(Change):
    """From the key to certificates: first the remote host, which then accepts both, then node by node."""

    options = ("--nodes", "2", "--authkey-size", "4096")
    releases = ("3.0",)

    def test_started(self):
        """A Dummy runs on the remote host, and all hosts get files that are not used yet."""
        self.begin()
        base = os.path.join(self.lab.dir, "pki")
        configs.make_certificates(base, self.lab.hosts())
        pki = Authority(base)
        for host in HOSTS:
            for what, data in (("ca", pki.read("cert", "ca")), ("cert", pki.read("cert", host)),
                               ("key", pki.read("key", host))):
                self.put(host, PLACE % what, data)

    def test_remote_host(self):
        """The remote host is restarted with certificates beside the key, unmanaged meanwhile."""
        self.set_variables("r1", PCMK_tls_accept_psk="yes")
        self.restart_r1()
        self.expect_match("warning.*PCMK_tls_accept_psk is set", self.log_of("r1"))

    def test_nodes(self):
        """The cluster nodes are restarted one by one: connections with key and with certificates are made."""
        before = self.accepted("")
        self.move_connection()
        self.expect(self.accepted("") > before, "the key was not used")
        for node in ("n1", "n2"):
            self.set_variables(node)
            self.restart_node(node)
            self.expect(self.accepted(" as CN=%s,O=Cluster" % node) > 0, "%s does not use certificates" % node)

    def test_end(self):
        """The key is not accepted any longer, which the cluster does not notice."""
        self.set_variables("r1", PCMK_tls_accept_psk="no")
        before = self.accepted("")
        self.restart_r1()
        self.move_connection()
        self.expect(self.accepted("") == before, "somebody came in with the key")
        self.expect(self.log_of("r1").count("PCMK_tls_accept_psk is set") == 1, "the key is still accepted")

    def test_undisturbed(self):
        """After all this the resource was never started again, and its monitor has not failed."""
        self.expect_undisturbed("d1")

    # -- helpers -----------------------------------------------------------

    def set_variables(self, name, **more):
        """Give the daemons of a host the variables, for their next start."""
        host = self.lab.host(name)
        host["env"].update({variable: PLACE % what for what, variable in FILES.items()}, **more)
        (daemons.define_node if host["kind"] == "node" else daemons.define_remoted)(self.lab, host)

    def restart_r1(self):
        """Restart the daemon while the cluster leaves the host alone."""
        # As docs/tls.md has it; tests/daemon/documents.rs compares.
        attribute = ("crm_attribute", "-t", "nodes", "-N", "r1", "-n")
        self.on("n1", *attribute, "maintenance", "-v", "true")
        self.settle()
        daemons.stop(self.lab, self.lab.host("r1"), timeout=60)
        self.start_remoted("r1")
        self.recover("r1")
        self.on("n1", *attribute, "maintenance", "-D")
        self.settle()
        self.expect(cluster.node_state(self.lab, "r1") == "online", "r1 is not online")
