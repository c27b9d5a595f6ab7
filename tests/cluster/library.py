# SPDX-License-Identifier: LGPL-2.1-or-later
"""A whole cluster on our liblrmd: its daemons and tools find it in place of their own."""

import filecmp
import os
import re
import shutil

from cluster import everyday, recovery
from cluster.tools import ToolTests
from lab import bringup, cluster

SONAMES = {"2.1": "liblrmd.so.28", "3.0": "liblrmd.so.52"}
#: where the distribution's library is kept inside n1, to compare the tools on both
ORIGINAL = "/tmp/original"
ALERTS = "/var/log/alerts.log"
#: the daemons that are linked with the library, in either release
DAEMONS = ("pacemaker-controld", "pacemaker-attrd")


def dropin(directory, release):
    return os.path.join(directory, release, SONAMES[release])


class Library(everyday.ResourceTests, ToolTests):
    options = ("--nodes", "2", "--guests", "1", *recovery.QUICK)
    library = True

    def __init__(self, *args):
        super().__init__(*args)
        #: {node: ids of the processes that use the library}
        self.first = {}

    def test_in_use(self):
        """The cluster's daemons run on our library, and so do the tools."""
        for host in ("n1", "n2", "r1", "g1"):
            self.check_file(host)
        for host in ("n1", "n2"):
            users = self.users(host)
            self.expect(set(DAEMONS) <= set(users), "only %s use it on %s" % (users, host))
            self.first.setdefault(host, self.users(host, pids=True))
        self.expect_match("liblrmd.so", self.on("n1", "sh", "-c", "ldd $(command -v crm_resource)"))

    def check_file(self, host):
        """What a host has under the library's name is ours, under each of its names."""
        root = self.root(host)
        directory = os.path.dirname(bringup.library_place(root, SONAMES[self.release]))
        found = [name for name in os.listdir(root + directory)
                 if name.startswith(SONAMES[self.release])]
        for name in found:
            self.expect(filecmp.cmp(os.path.join(root + directory, name), self.ours(),
                                    shallow=False), "%s of %s is not ours" % (name, host))

    def ours(self):
        """The library that the lab was brought up with."""
        return next(path for path in self.lab.state["lib_over"]
                    if os.path.basename(path) == SONAMES[self.release])

    def users(self, host, pids=False):
        """The names or ids of the processes that have a liblrmd mapped."""
        found = []
        for pid, name, _ in self.lab.processes(self.lab.host(host)):
            with open("/proc/%d/maps" % pid) as handle:
                if "/liblrmd.so" in handle.read():
                    found.append(pid if pids else name)
        return found

    def test_alerts(self):
        """Alerts of resources, nodes and attributes are sent through our library."""
        for host in ("n1", "n2"):
            os.makedirs(self.root(host) + "/var/log", exist_ok=True)
            with open(self.root(host) + ALERTS, "w"):
                os.chmod(self.root(host) + ALERTS, 0o666)
        cluster.cib_merge(self.lab, ALERT)
        self.on("n1", "attrd_updater", "-n", "alerted", "-U", "5")
        self.eventually("an alert of the attribute", lambda: self.alerted(
            "kind=attribute node=n1", "attr=alerted=5"))
        self.break_dummy("r1", "d1")
        self.eventually("an alert of the failed monitor", lambda: self.alerted(
            "kind=resource node=r1 rsc=d1 task=monitor", "rc=7"))
        self.eventually("an alert of the start that follows", lambda: self.alerted(
            "kind=resource node=r1 rsc=d1 task=start", "rc=0"))
        self.wait_resource("d1", "r1")

    def alerted(self, *words):
        lines = []
        for host in ("n1", "n2"):
            with open(self.root(host) + ALERTS, errors="replace") as handle:
                lines += handle.readlines()
        return any(all(word in line for word in words) for line in lines)

    def test_listings(self):
        """crm_resource lists agents and gives metadata as on the distribution's library."""
        for words in (["--list-standards"], ["--list-ocf-providers"],
                      ["--list-ocf-providers", "Dummy"], ["--list-ocf-alternatives", "Dummy"],
                      ["--list-agents", "ocf:heartbeat"], ["--list-agents", "ocf:pacemaker"],
                      ["--list-agents", "ocf"], ["--list-agents", "lsb"],
                      ["--list-agents", "stonith"], ["--list-agents", "none"],
                      ["--show-metadata", "ocf:pacemaker:Dummy"],
                      ["--show-metadata", "ocf:heartbeat:IPaddr2"],
                      ["--show-metadata", "ocf:pacemaker:Nothing"]):
            self.same_output(*words)

    def test_forced(self):
        """crm_resource's forced actions do and say the same as on the distribution's library."""
        for words in (["--validate"], ["--force-check"], ["--force-stop"], ["--force-check"],
                      ["--force-start"], ["--force-check"]):
            self.same_output("-r", "vm-g1" if words == ["--validate"] else "plain", *words,
                             first=self.add_plain)

    def add_plain(self):
        """A resource that the cluster leaves alone."""
        cluster.cib_create(self.lab, "resources", PLAIN)

    def same_output(self, *words, first=None):
        """Run crm_resource on n1 on both libraries."""
        self.keep_original()
        if first and not self.cib().findall(".//primitive[@id='plain']"):
            first()
            self.settle()
        ours = self.tool([], words)
        theirs = self.tool(["env", "LD_LIBRARY_PATH=" + ORIGINAL], words)
        self.expect(ours == theirs, "crm_resource %s\nthe distribution's library:\n%s\nours:\n%s"
                    % (" ".join(words), theirs, ours))

    def tool(self, before, words):
        """What crm_resource says, with its exit status."""
        return self.on("n1", *before, "sh", "-c", '"$@" 2>&1; echo "exit $?"', "sh",
                       "crm_resource", *words, timeout=60)

    def keep_original(self):
        place = self.root("n1") + ORIGINAL
        if not os.path.isdir(place):
            os.makedirs(place)
            root = self.lab.host("n1")["root"]
            name = SONAMES[self.release]
            shutil.copy(root + bringup.library_place(root, name), os.path.join(place, name))

    test_guest = everyday.Everyday.test_guest
    test_connection_moves = recovery.TwoNodes.test_connection_moves
    check_monitor = recovery.TwoNodes.check_monitor
    test_killed = everyday.Everyday.test_killed
    test_cut = recovery.Links.test_cut
    broken_and_back = recovery.Links.broken_and_back

    def test_still_in_use(self):
        """After all this the same processes run on our library: none of them crashed."""
        self.test_in_use()
        for host in ("n1", "n2"):
            bad = re.findall(r"^.*(?:pacemaker-\S+\[\d+\] (?:terminated with|dumped)|internal error).*$",
                             self.log_of(host), re.M)
            self.expect(not bad, "\n".join(bad))
            self.expect(self.users(host, pids=True) == self.first[host],
                        "other processes than at first on " + host)


ALERT = ('<configuration><alerts><alert id="all" path="/usr/share/pacemaker/alerts/alert_lab">'
         '<select><select_attributes/><select_nodes/><select_resources/></select>'
         '<recipient id="all-to" value="%s"/></alert></alerts></configuration>' % ALERTS)
PLAIN = ('<primitive id="plain" class="ocf" provider="pacemaker" type="Dummy">'
         '<meta_attributes id="plain-m"><nvpair id="plain-managed" name="is-managed" value="false"/>'
         '</meta_attributes></primitive>')
