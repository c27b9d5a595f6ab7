# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pacemaker's own tools inside a remote host: they reach the cluster through our daemon."""

import os
import subprocess
import xml.etree.ElementTree as ET

from cluster.scenario import Scenario
from lab import cluster

BIG_PAIRS, BIG_VALUE = 3000, "a value that is long " * 18
MARK = ('<cluster_property_set id="mark"><nvpair id="mark-from" name="mark-from" '
        'value="r1"/></cluster_property_set>')
WATCHED = ('<primitive id="watched" class="ocf" provider="pacemaker" type="Stateful">'
           '<meta_attributes id="watched-m"><nvpair id="watched-t" name="target-role" '
           'value="Stopped"/></meta_attributes></primitive>')
BIG_SET = "nodes-r1-big"


class ToolTests(Scenario):
    """Needs a remote host r1 with a Dummy d1 running on it."""

    def test_crm_mon(self):
        """crm_mon on the remote host shows the cluster."""
        text = self.on("r1", "crm_mon", "-1")
        self.expect_match("Current DC: n[0-9]", text)
        if self.same_release:
            self.expect_match(r"r1\s+\(ocf:pacemaker:remote\):\s+Started n[0-9]", text)
            self.expect_match(r"RemoteOnline: \[ .*r1.* \]", text)
            self.expect_match(r"d1\s+\(ocf:pacemaker:Dummy\):\s+Started r1", text)

    def test_crm_resource(self):
        """crm_resource on the remote host lists and refreshes resources."""
        self.expect_match(r"d1\s+\(ocf:+pacemaker:Dummy\)",
                          self.on("r1", "crm_resource", "--list"))
        if self.same_release:
            self.expect_match("d1 is running on: r1",
                              self.on("r1", "crm_resource", "--locate", "-r", "d1"))
        self.on("r1", "crm_resource", "-r", "d1", "--refresh")
        self.wait_resource("d1", "r1")

    def test_cibadmin_query(self):
        """cibadmin -Q on the remote host gives the same configuration as on a node."""
        here = ET.fromstring(self.on("r1", "cibadmin", "-Q", "-o", "configuration"))
        there = ET.fromstring(self.on("n1", "cibadmin", "-Q", "-o", "configuration"))
        self.expect(ET.tostring(here) == ET.tostring(there), "the configurations differ")

    def test_cibadmin_change(self):
        """cibadmin changes the configuration from the remote host."""
        self.on("r1", "cibadmin", "--modify", "--allow-create", "-o", "crm_config",
                "--xml-text", MARK)
        self.expect(self.cib().find(".//nvpair[@name='mark-from'][@value='r1']") is not None,
                    "the change is not in the CIB of n1")

    def test_crm_attribute(self):
        """crm_attribute on the remote host reads and writes."""
        self.expect_match("value=lab$", self.on("r1", "crm_attribute", "-n", "cluster-name",
                                                "-G"))
        self.on("r1", "crm_attribute", "-N", "r1", "-n", "permanent", "-v", "7")
        self.expect_match("value=7$", self.on("n1", "crm_attribute", "-N", "r1", "-n",
                                              "permanent", "-G"))

    def test_attrd_updater(self):
        """attrd_updater on the remote host sets an attribute of this node."""
        self.set_attribute("5")
        if self.same_release:
            self.expect_match('host="r1" value="5"',
                              self.on("r1", "attrd_updater", "-n", "mark", "-Q", "-A"))
        self.on("r1", "attrd_updater", "-n", "mark", "-D")

    def set_attribute(self, value):
        self.on("r1", "attrd_updater", "-n", "mark", "-U", value)
        self.eventually("n1 to know the attribute of r1",
                        lambda: 'host="r1" value="%s"' % value in self.on(
                            "n1", "attrd_updater", "-n", "mark", "-Q", "-A", check=False), 10)

    def test_stonith_admin(self):
        """stonith_admin -L on the remote host is answered by the fencer."""
        self.expect_match("[0-9]+ fence devices? found",
                          self.on("r1", "stonith_admin", "-L"))

    def test_crm_node(self):
        """crm_node and crmadmin on the remote host know its name, the nodes and the DC."""
        self.expect_match("^r1$", self.on("r1", "crm_node", "-n"))
        self.expect_match("n1", self.on("r1", "crm_node", "-l"))
        self.expect_match("n[0-9]", self.on("r1", "crmadmin", "-D"))

    def test_events(self):
        """A crm_mon that keeps running on the remote host is told of changes."""
        page = self.root("r1") + "/tmp/page.html"
        # It refreshes every ten minutes, so what appears sooner was an event.
        watcher = subprocess.Popen(
            self.lab.enter(self.lab.host("r1"), [
                "timeout", "60", "crm_mon", "--inactive", "--interval=600",
                "--output-as=html", "--output-to=/tmp/page.html"]),
            env=self.lab.exec_env(self.lab.host("r1")), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.eventually("crm_mon to write its page", lambda: os.path.exists(page), 15)
            cluster.cib_create(self.lab, "resources", WATCHED)
            self.eventually("crm_mon to show the change", lambda: "ocf:pacemaker:Stateful" in
                            open(page, errors="replace").read(), 15)
        finally:
            watcher.terminate()
            watcher.wait()
        self.on("n1", "cibadmin", "--delete", "--xml-text", '<primitive id="watched"/>')


class BigToolTests(ToolTests):
    """The same with much data; takes half a minute."""

    def test_big_cib(self):
        """A CIB of over 1 MB: written, read and used by the tools on the remote host."""
        pairs = "".join('<nvpair id="%s-%d" name="big%d" value="%s"/>' % (
            BIG_SET, number, number, BIG_VALUE) for number in range(BIG_PAIRS))
        with open(self.root("r1") + "/tmp/big.xml", "w") as handle:
            handle.write('<nodes><node id="r1" uname="r1" type="remote"><instance_attributes '
                         'id="%s">%s</instance_attributes></node></nodes>' % (BIG_SET, pairs))
        self.on("r1", "cibadmin", "--modify", "--allow-create", "-o", "nodes", "--xml-file",
                "/tmp/big.xml", timeout=60)
        text = self.on("r1", "cibadmin", "-Q", timeout=60)
        self.expect(len(text) > 1 << 20, "only %d bytes came back" % len(text))
        found = ET.fromstring(text).findall(".//instance_attributes[@id='%s']/nvpair" % BIG_SET)
        self.expect(len(found) == BIG_PAIRS and all(pair.get("value") == BIG_VALUE
                                                    for pair in found),
                    "the answer is not what was written")
        for name in ("crm_mon", "crm_resource", "cibadmin_query", "cibadmin_change",
                     "crm_attribute", "attrd_updater", "stonith_admin", "crm_node"):
            getattr(self, "test_" + name)()
        self.on("n1", "cibadmin", "--delete", "--xml-text",
                '<instance_attributes id="%s"/>' % BIG_SET)
