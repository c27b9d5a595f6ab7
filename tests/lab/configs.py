# SPDX-License-Identifier: LGPL-2.1-or-later
"""Configuration that a lab writes for its hosts: corosync, the first CIB, certificates."""

import xml.etree.ElementTree as ET

from pki.authority import DAY, Authority
from support.base import need

REMOTE_PORT = 3121
AUTHKEY = "/etc/pacemaker/authkey"


def corosync_conf(lab, nodes):
    lines = ["totem {", "    version: 2", "    cluster_name: %s" % lab["cluster"],
             "    transport: %s" % lab["transport"], "    token: %d" % lab["token"]]
    if lab["transport"] == "knet":
        lines += ["    crypto_cipher: none", "    crypto_hash: none"]
    lines += ["}", "nodelist {"]
    for number, host in enumerate(nodes, 1):
        lines += ["    node {", "        ring0_addr: %s" % host["ip"],
                  "        name: %s" % host["name"], "        nodeid: %d" % number, "    }"]
    lines += ["}", "quorum {", "    provider: corosync_votequorum"]
    if len(nodes) == 2:
        lines += ["    two_node: 1", "    wait_for_all: 0"]
    lines += ["}", "logging {", "    to_stderr: no", "    to_logfile: yes",
              "    logfile: /var/log/corosync/corosync.log", "    to_syslog: no",
              "    timestamp: hires", "}",
              "system {", "    sched_rr: no", "    move_to_root_cgroup: no", "}", ""]
    return "\n".join(lines)


def nvpairs(prefix, pairs):
    return [ET.Element("nvpair", id="%s-%s" % (prefix, key), name=key, value=str(value))
            for key, value in pairs]


def first_cib(properties, fencing):
    cib = ET.Element("cib", {"validate-with": "pacemaker-3.0", "admin_epoch": "0",
                             "epoch": "1", "num_updates": "0"})
    conf = ET.SubElement(cib, "configuration")
    crm = ET.SubElement(conf, "crm_config")
    options = ET.SubElement(crm, "cluster_property_set", id="cib-bootstrap-options")
    options.extend(nvpairs("opt", sorted(properties.items())))
    ET.SubElement(conf, "nodes")
    resources = ET.SubElement(conf, "resources")
    if fencing:
        device = ET.SubElement(resources, "primitive",
                               {"id": "power", "class": "stonith", "type": "fence_lab"})
        operations = ET.SubElement(device, "operations")
        ET.SubElement(operations, "op", id="power-monitor", name="monitor", interval="60s",
                      timeout="20s")
    ET.SubElement(conf, "constraints")
    ET.SubElement(cib, "status")
    return ET.tostring(cib, encoding="unicode") + "\n"


def connection_resource(host):
    """The resource whose start connects the cluster to a remote or guest host."""
    return host["name"] if host["kind"] == "remote" else "vm-" + host["name"]


def remote_primitive(lab, host):
    name = host["name"]
    resource = ET.Element("primitive", {"id": name, "class": "ocf", "provider": "pacemaker",
                                        "type": "remote"})
    params = [("server", host["ip"])]
    if lab["remote_port"] != REMOTE_PORT:
        params.append(("port", lab["remote_port"]))
    if lab["reconnect_interval"] is not None:
        params.append(("reconnect_interval", lab["reconnect_interval"]))
    attrs = ET.SubElement(resource, "instance_attributes", id="%s-params" % name)
    attrs.extend(nvpairs("%s-params" % name, params))
    operations = ET.SubElement(resource, "operations")
    ET.SubElement(operations, "op", id="%s-start" % name, name="start", interval="0",
                  timeout=lab["remote_start_timeout"])
    ET.SubElement(operations, "op", id="%s-monitor" % name, name="monitor",
                  interval=lab["remote_monitor"], timeout=lab["remote_monitor_timeout"])
    return ET.tostring(resource, encoding="unicode")


def guest_primitive(lab, host):
    """A guest node: its 'virtual machine' is a Dummy, its daemon runs already."""
    name = connection_resource(host)
    resource = ET.Element("primitive", {"id": name, "class": "ocf", "provider": "pacemaker",
                                        "type": "Dummy"})
    meta = ET.SubElement(resource, "meta_attributes", id=name + "-meta")
    pairs = [("remote-node", host["name"]), ("remote-addr", host["ip"]),
             ("remote-connect-timeout", lab["remote_start_timeout"])]
    if lab["remote_port"] != REMOTE_PORT:
        pairs.append(("remote-port", lab["remote_port"]))
    meta.extend(nvpairs(name + "-meta", pairs))
    operations = ET.SubElement(resource, "operations")
    ET.SubElement(operations, "op", id=name + "-monitor", name="monitor", interval="10s",
                  timeout="20s")
    return ET.tostring(resource, encoding="unicode")


def dummy(name, node, interval, score, meta=()):
    """A <configuration> with one Dummy, and a location constraint if `node` is given."""
    conf = ET.Element("configuration")
    resource = ET.SubElement(ET.SubElement(conf, "resources"), "primitive", {
        "id": name, "class": "ocf", "provider": "pacemaker", "type": "Dummy"})
    if meta:
        attrs = ET.SubElement(resource, "meta_attributes", id=name + "-meta")
        attrs.extend(nvpairs(name + "-meta", meta))
    operations = ET.SubElement(resource, "operations")
    ET.SubElement(operations, "op", id=name + "-monitor", name="monitor", interval=interval,
                  timeout="20s")
    if node:
        ET.SubElement(ET.SubElement(conf, "constraints"), "rsc_location", id="loc-" + name,
                      rsc=name, node=node, score=score)
    return ET.tostring(conf, encoding="unicode")


def alert(recipient):
    conf = ET.Element("configuration")
    entry = ET.SubElement(ET.SubElement(conf, "alerts"), "alert", id="lab-alert",
                          path="/usr/share/pacemaker/alerts/alert_lab")
    ET.SubElement(entry, "recipient", id="lab-alert-to", value=recipient)
    return ET.tostring(conf, encoding="unicode")


def make_certificates(pki, hosts):
    """A certificate authority, one certificate for every host, and a list that revokes none."""
    need("openssl")
    authority = Authority(pki)
    authority.certificate("ca", subject="/CN=lab CA", end=60 * DAY, extensions=[
        "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign",
        "subjectKeyIdentifier=hash"])
    for host in hosts:
        authority.certificate(host["name"], issuer="ca", end=60 * DAY, extensions=[
            "keyUsage=critical,digitalSignature", "subjectAltName=DNS:%s,IP:%s,IP:%s" % (
                host["name"], host["ip"], host["ip6"])])
    authority.revocations("none", "ca")
