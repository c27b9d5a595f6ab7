# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bringing a lab up: files, namespaces, links, daemons, then the remote hosts' resources."""

import contextlib
import os
import re
import shutil
import time

from lab import cluster, configs, daemons, net, teardown
from support.base import (EX_MISSING, EX_USAGE, SAFE_PATH, LabError, log, need, poll_until,
                          run, write_file)

VERSION = "1"
HERE = os.path.dirname(os.path.abspath(__file__))
LINK_UP = {"mode": "up", "delay": 0, "jitter": 0, "loss": 0, "backend": "auto"}
WANTED = {"node": ["usr/sbin/corosync", "usr/sbin/pacemakerd", "usr/sbin/crm_mon",
                   "usr/sbin/cibadmin"],
          "remote": ["usr/lib/ocf/resource.d/pacemaker/Dummy"]}


def up(lab, args):
    """Bring a lab up as the options of "lab up" say; returns the timings in seconds."""
    begin = time.monotonic()
    check_machine()
    check_options(args)
    with lab.lock():
        refuse_second_lab(lab)
        for sub in ("hosts", "power", "files", "pki"):
            shutil.rmtree(os.path.join(lab.dir, sub), ignore_errors=True)
            os.makedirs(os.path.join(lab.dir, sub))
        lab.state = first_state(args)
        try:
            BringUp(lab, args).run()
        except BaseException as exc:
            lab.save()
            if not args.keep and lab.state["switch"]:
                give_up(lab, exc)
            raise
        lab.state["timings"]["total"] = round(time.monotonic() - begin, 2)
        lab.save()
    return lab.state["timings"]


def give_up(lab, exc):
    log("lab: bring-up failed, taking the lab down (--keep to look at it); logs stay in %s"
        % os.path.join(lab.dir, "hosts"))
    if isinstance(exc, LabError):
        with contextlib.suppress(Exception):
            teardown.collect(lab, os.path.join(lab.dir, "failed"))
    teardown.tear_down(lab, force=True, timeout=5)


# -- checks before anything is touched ----------------------------------------

def check_machine():
    if os.geteuid() != 0:
        raise LabError("must be run as root", EX_MISSING)
    need("ip", "unshare", "nsenter", "mount", "pivot_root", "timeout")
    with open("/proc/filesystems") as handle:
        if "overlay" not in handle.read().split():
            raise LabError("this kernel has no overlay file system (try: modprobe overlay)",
                           EX_MISSING)


def check_root(path, kind):
    missing = ["/" + w for w in WANTED[kind] if not os.path.lexists(os.path.join(path, w))]
    if missing:
        raise LabError("root directory %s lacks: %s" % (path, ", ".join(missing)), EX_MISSING)
    if any(c in path for c in ":,\\"):
        raise LabError("root directory must not contain ':', ',' or '\\': " + path, EX_USAGE)


def roots(args):
    """Root directories of cluster nodes and of the other hosts."""
    return (os.path.realpath(args.node_root or args.root),
            os.path.realpath(args.remote_root or args.root))


def check_options(args):
    if args.nodes < 1 or args.remotes < 0 or args.guests < 0:
        raise LabError("need at least one cluster node", EX_USAGE)
    node_root, remote_root = roots(args)
    check_root(node_root, "node")
    if args.remotes or args.guests:
        check_root(remote_root, "remote")
    if args.lib_dir and not os.path.isdir(args.lib_dir):
        raise LabError("--lib-dir: no such directory: " + args.lib_dir, EX_MISSING)
    for path in args.lib_over or []:
        if not os.path.isfile(path) or ".so" not in os.path.basename(path):
            raise LabError("--lib-over: not a shared library: " + path, EX_MISSING)
        if not any(replaced_libraries(root, [path]) for root in (node_root, remote_root)):
            raise LabError("--lib-over: no host has a %s" % os.path.basename(path), EX_MISSING)


def refuse_second_lab(lab):
    if os.path.exists(lab.state_path):
        lab.load()
        if any(lab.alive(h) for h in [lab.state["switch"], *lab.hosts()] if h):
            raise LabError("a lab is already up in %s (use 'down' first)" % lab.dir)


def parse_remoted(items):
    """Repeated [HOST=]PATH options: the default path, and {host: path}."""
    default, per_host = None, {}
    for item in items or []:
        match = re.match(r"^([A-Za-z][A-Za-z0-9_-]*)=(.+)$", item)
        if match:
            per_host[match.group(1)] = match.group(2)
        else:
            default = item
    for path in [default, *per_host.values()]:
        if path and not os.path.exists(path):
            raise LabError("--remoted: %s: no such file" % path, EX_MISSING)
    return default, per_host


def parse_env(items, names):
    """Repeated [HOST:]KEY=VALUE options: {host: {key: value}}."""
    result = {name: {} for name in names}
    for item in items or []:
        match = re.match(r"^(?:([A-Za-z][A-Za-z0-9_-]*):)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$",
                         item, re.S)
        if not match:
            raise LabError("not [HOST:]KEY=VALUE: %s" % item, EX_USAGE)
        host, key, value = match.groups()
        if host and host not in result:
            raise LabError("no host %s (in %s)" % (host, item), EX_USAGE)
        for name in ([host] if host else names):
            result[name][key] = value
    return result


def cluster_ids(root):
    """uid and gid of hacluster:haclient in a root directory."""
    ids = []
    for database, name in (("passwd", "hacluster"), ("group", "haclient")):
        path = os.path.join(root, "etc", database)
        try:
            with open(path) as handle:
                entries = dict((line.split(":")[0], line.split(":")[2]) for line in handle)
        except OSError as exc:
            raise LabError(str(exc), EX_MISSING) from None
        if name not in entries:
            raise LabError("%s has no %s: is pacemaker installed there?" % (path, name),
                           EX_MISSING)
        ids.append(int(entries[name]))
    return tuple(ids)


def library_place(root, name):
    """Where a shared library of this name lives in a root directory, or None."""
    for top in ("usr/lib", "usr/lib64", "usr/local/lib"):
        for base, dirs, files in os.walk(os.path.join(root, top)):
            if name in files:
                return os.path.join("/", os.path.relpath(os.path.join(base, name), root))
            if os.path.relpath(base, os.path.join(root, top)).count(os.sep) >= 1:
                dirs[:] = []
    return None


def replaced_libraries(root, paths):
    """What --lib-over puts into a root directory, and where: the libraries that it has."""
    place = []
    for path in map(os.path.abspath, paths or []):
        link = library_place(root, os.path.basename(path))
        if link:
            real = os.path.realpath(root.rstrip("/") + link)[len(root.rstrip("/")):]
            place += [(path, real, 0o644, 0, 0), (path, link, 0o644, 0, 0)]
    return place


# -- the state a lab starts with ----------------------------------------------

def first_state(args):
    node_root, remote_root = roots(args)
    names = ([("node", "n%d" % i) for i in range(1, args.nodes + 1)]
             + [("remote", "r%d" % i) for i in range(1, args.remotes + 1)]
             + [("guest", "g%d" % i) for i in range(1, args.guests + 1)])
    default, per_host = parse_remoted(args.remoted)
    hosts = {}
    for index, (kind, name) in enumerate(names, 11):
        hosts[name] = {
            "name": name, "kind": kind, "ip": "%s.%d" % (args.subnet, index),
            "ip6": "fd00:4c41:4200::%x" % index, "mac": "02:4c:41:42:00:%02x" % index,
            "root": node_root if kind == "node" else remote_root, "env": {},
            "link": dict(LINK_UP)}
        if kind == "node":
            hosts[name]["execd"] = args.execd and os.path.abspath(args.execd)
        else:
            path = per_host.pop(name, default)
            hosts[name]["remoted"] = os.path.abspath(path) if path else None
    if per_host:
        raise LabError("--remoted: no remote or guest host " + ", ".join(per_host), EX_USAGE)
    kept = ("cluster", "transport", "token", "remote_port", "reconnect_interval", "fencing",
            "remote_monitor", "remote_monitor_timeout", "remote_start_timeout", "capture",
            "lib_over")
    state = {key: getattr(args, key) for key in kept}
    state.update(version=VERSION, hosts=hosts, switch=None, timings={})
    return state


# -- the work -----------------------------------------------------------------

class BringUp:
    def __init__(self, lab, args):
        self.lab, self.args, self.state = lab, args, lab.state
        self.files = os.path.join(lab.dir, "files")
        self.nodes = lab.hosts("node")
        self.others = lab.hosts("remote", "guest")
        names = [h["name"] for h in self.nodes], [h["name"] for h in self.others]
        self.env_all = parse_env(args.env, names[0] + names[1])
        self.env_kind = {**parse_env(args.node_env, names[0]),
                         **parse_env(args.remote_env, names[1])}
        self.last = time.monotonic()

    def lap(self, name):
        now = time.monotonic()
        self.state["timings"][name] = round(now - self.last, 2)
        self.last = now

    def run(self):
        self.write_files()
        net.make_switch(self.lab)
        self.lab.save()
        for host in self.lab.hosts():
            self.make_host(host)
        self.lab.save()
        self.lap("namespaces and network")
        self.start_daemons()
        poll_until("the cluster nodes to be online", self.cluster_ready, self.args.timeout, 0.2)
        self.lap("cluster nodes online")
        self.lab.save()
        if self.others and not self.args.no_resources:
            for host in self.others:
                cluster.add_connection(self.lab, host)
            for host in self.others:
                poll_until("%s to be online" % host["name"],
                           lambda h=host: self.remote_ready(h), self.args.timeout, 0.2)
            self.lap("remote hosts online")

    def write_files(self):
        args, files = self.args, self.files
        if args.authkey:
            shutil.copyfile(args.authkey, os.path.join(files, "authkey"))
        else:
            write_file(os.path.join(files, "authkey"), os.urandom(args.authkey_size), 0o600)
        write_file(os.path.join(files, "corosync.conf"),
                   configs.corosync_conf(self.state, self.nodes))
        if args.cib:
            shutil.copyfile(args.cib, os.path.join(files, "cib.xml"))
        else:
            write_file(os.path.join(files, "cib.xml"),
                       configs.first_cib(self.properties(), args.fencing))
        for name in ("fence_lab", "alert_lab"):
            shutil.copyfile(os.path.join(HERE, "files", name), os.path.join(files, name))
        if args.tls == "x509":
            configs.make_certificates(os.path.join(self.lab.dir, "pki"), self.lab.hosts())
        if args.capture:
            run(["cc", "-O1", "-shared", "-fPIC", "-o", os.path.join(files, "capture.so"),
                 os.path.join(HERE, "files", "capture.c"), "-ldl"], timeout=60)

    def properties(self):
        properties = {"stonith-enabled": "true" if self.args.fencing else "false",
                      "dc-deadtime": "1s" if len(self.nodes) == 1 else "3s",
                      "cluster-name": self.args.cluster,
                      # A busy machine must not make the controller hold actions back.
                      "load-threshold": "1000%"}
        for item in self.args.property or []:
            key, sep, value = item.partition("=")
            if not sep:
                raise LabError("not NAME=VALUE: " + item, EX_USAGE)
            properties[key] = value
        return properties

    def make_host(self, host):
        uid, gid = cluster_ids(host["root"])
        env, place = self.common(host, gid)
        if host["kind"] == "node" or not self.args.lib_over_nodes_only:
            place += replaced_libraries(host["root"], self.args.lib_over)
        shares = []
        for item in self.args.share or []:
            source, _, target = item.partition(":")
            shares.append((os.path.abspath(source), target or os.path.abspath(source)))
        if host["kind"] == "node":
            place += self.node_files(host, uid, gid)
            if self.args.lib_dir:
                shares.append((os.path.abspath(self.args.lib_dir), "/opt/lab-lib"))
                env["LD_LIBRARY_PATH"] = "/opt/lab-lib"
        for source, _ in shares:
            if not os.path.exists(source):
                raise LabError("--share: no such path: " + source, EX_MISSING)
        env.update(self.env_kind[host["name"]])
        env.update(self.env_all[host["name"]])
        host["env"] = env
        hosts_file = "127.0.0.1 localhost\n::1 localhost\n" + "".join(
            "%s %s\n" % (h["ip"], h["name"]) for h in self.lab.hosts())
        self.lab.spawn(host, {
            "root": host["root"], "uid": uid, "gid": gid, "hosts": hosts_file,
            "powerdir": os.path.join(self.lab.dir, "power"), "shares": shares,
            "files": [{"src": os.path.join(self.files, src), "path": dst, "mode": mode,
                       "uid": u, "gid": g} for src, dst, mode, u, g in place]})
        self.lab.save()
        net.attach(self.lab, host)

    def common(self, host, gid):
        """Environment of the daemons and files that every kind of host gets."""
        env = {"PATH": SAFE_PATH, "HOME": "/root", "LANG": "C.UTF-8",
               "PCMK_logfile": "/var/log/pacemaker/pacemaker.log", "PCMK_logfacility": "none"}
        if self.args.remote_port != configs.REMOTE_PORT:
            env["PCMK_remote_port"] = str(self.args.remote_port)
        place = [("alert_lab", "/usr/share/pacemaker/alerts/alert_lab", 0o755, 0, 0)]
        if self.args.tls == "psk":
            place.append(("authkey", self.args.authkey_path, 0o640, 0, gid))
            if self.args.authkey_path != configs.AUTHKEY:
                env["PCMK_authkey_location"] = self.args.authkey_path
        else:
            base = os.path.join(self.lab.dir, "pki")
            for kind, name, mode in (("ca", "cert/ca", 0o644), ("cert", "cert/" + host["name"], 0o644),
                                     ("key", "key/" + host["name"], 0o640), ("crl", "crl/none", 0o644)):
                inside = "/etc/pacemaker/%s.pem" % kind
                place.append((os.path.join(base, name + ".pem"), inside, mode, 0, gid))
                env["PCMK_%s_file" % kind] = inside
        if self.args.capture:
            place.append(("capture.so", "/usr/lib/lab-capture.so", 0o755, 0, 0))
            env.update(LD_PRELOAD="/usr/lib/lab-capture.so",
                       LAB_CAPTURE_DIR="/var/log/lab-capture")
        return env, place

    def node_files(self, host, uid, gid):
        place = [("corosync.conf", "/etc/corosync/corosync.conf", 0o644, 0, 0),
                 ("cib.xml", "/var/lib/pacemaker/cib/cib.xml", 0o600, uid, gid)]
        if self.args.fencing:
            place.append(("fence_lab", "/usr/sbin/fence_lab", 0o755, 0, 0))
        return place

    def start_daemons(self):
        for host in self.others:
            default = host["root"].rstrip("/") + daemons.REMOTED
            if not host["remoted"] and not os.path.exists(default):
                raise LabError("no pacemaker-remoted: %s does not exist, give --remoted PATH"
                               % default, EX_MISSING)
            daemons.install(self.lab, host)
            daemons.define_remoted(self.lab, host)
            daemons.start(self.lab, host)
        for host in self.nodes:
            daemons.install(self.lab, host)
            daemons.define_node(self.lab, host)
            daemons.start(self.lab, host, "corosync")
            daemons.start(self.lab, host, "pacemakerd")

    def cluster_ready(self):
        daemons.check_all(self.lab)
        tree = cluster.crm_mon(self.lab)
        dc = None if tree is None else tree.find("./summary/current_dc")
        if dc is None or dc.get("present") != "true":
            return False
        nodes = {n.get("name"): n for n in tree.findall("./nodes/node")}
        return all(host["name"] in nodes and nodes[host["name"]].get("online") == "true"
                   and nodes[host["name"]].get("pending") == "false" for host in self.nodes)

    def remote_ready(self, host):
        # The node may be shown online while its connection is still starting.
        daemons.check_all(self.lab)
        return (cluster.node_state(self.lab, host["name"]) == "online"
                and cluster.resource_is(self.lab, configs.connection_resource(host), "started"))
