# SPDX-License-Identifier: LGPL-2.1-or-later
"""Decoding of what --capture recorded: one XML file for each message, and an index."""

import bz2
import contextlib
import os
import re
import struct
import xml.etree.ElementTree as ET

HEADER = ("endian", "version", "id", "flags", "size_total", "payload_offset",
          "payload_compressed", "payload_uncompressed")
HEADER_SIZE = 40


def records(path):
    """Yield (kind, seconds, session, peer, bytes) as files/capture.c wrote them."""
    with open(path, "rb") as handle:
        data = handle.read()
    pos = 0
    while pos < len(data):
        end = data.index(b"\n", pos)
        kind, stamp, session, peer, length = data[pos:end].decode().split()
        length = int(length)
        yield kind, float(stamp), session, peer, data[end + 1:end + 1 + length]
        pos = end + 2 + length


def take_message(buffer):
    """(header, payload, rest) of the first whole message in a buffer, or None."""
    if len(buffer) < HEADER_SIZE:
        return None
    order = "<" if buffer[:4] == b"\xbd\xdb\xda\xba" else ">"
    header = dict(zip(HEADER, struct.unpack(order + "IIQQIIII", buffer[:HEADER_SIZE])))
    if len(buffer) < header["size_total"]:
        return None
    payload = buffer[header["payload_offset"]:header["size_total"]]
    if header["payload_compressed"]:
        payload = bz2.decompress(payload[:header["payload_compressed"]])
    return header, payload.rstrip(b"\0"), buffer[header["size_total"]:]


def messages(path):
    """Yield (time, connection number, peer, kind, header, xml bytes)."""
    streams, numbers, count = {}, {}, 0
    for kind, stamp, session, peer, data in records(path):
        if kind == "H" or session not in numbers:
            count += 1
            numbers[session] = count
            streams[session] = {"S": b"", "R": b""}
        if kind in ("H", "E", "B"):
            yield stamp, numbers[session], peer, kind, {}, data
            continue
        streams[session][kind] += data
        while (found := take_message(streams[session][kind])) is not None:
            header, payload, streams[session][kind] = found
            yield stamp, numbers[session], peer, kind, header, payload


def label(root):
    """A short name for a message: element, operation and its subject."""
    parts = [root.tag]
    for key in ("lrmd_op", "lrmd_ipc_op", "lrmd_ipc_proxy_op", "lrmd_rsc_id", "lrmd_callid"):
        if root.get(key):
            parts.append(root.get(key))
    for elem in root.iter():
        for key in ("lrmd_rsc_action", "crm_task", "cib_op", "st_op", "task", "t"):
            if elem is not root and elem.get(key):
                return "-".join([*parts, elem.get(key)])
    return "-".join(parts)


def rows(base, wanted_side):
    """Every captured event below a directory of hosts, in order of time."""
    found = []
    for name in sorted(os.listdir(base)):
        directory = os.path.join(base, name, "log", "lab-capture")
        for entry in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
            side = "remote" if "remoted" in entry else "node"
            if wanted_side in ("both", side):
                found += [(event[0], name, entry, side, *event[1:])
                          for event in messages(os.path.join(directory, entry))]
    return sorted(found, key=lambda row: row[0])


def write_all(base, target, side):
    """Write one file for each captured message, and an index; return their number."""
    os.makedirs(target, exist_ok=True)
    found = rows(base, side)
    with open(os.path.join(target, "INDEX"), "w") as index:
        for number, row in enumerate(found, 1):
            stamp, name, entry, side, conn, peer, kind, header, xml = row
            start = "%05d %.6f %s %s#%d peer=%s" % (number, stamp, name, entry, conn, peer)
            if kind in "HEB":
                note = {"H": "handshake done: " + xml.decode(errors="replace"),
                        "E": "peer closed the session", "B": "gnutls_bye called"}[kind]
                index.write("%s -- %s\n" % (start, note))
                continue
            to_remote = (kind == "S") == (side == "node")
            title = "unparsed"
            with contextlib.suppress(ET.ParseError):
                title = label(ET.fromstring(xml))
            file_name = "%05d.%s.%s.xml" % (number, "c2r" if to_remote else "r2c",
                                            re.sub(r"[^A-Za-z0-9_.-]+", "_", title)[:80])
            with open(os.path.join(target, file_name), "wb") as out:
                out.write(xml + b"\n")
            index.write("%s id=%d flags=%d size=%d compressed=%d uncompressed=%d %s\n" % (
                start, header["id"], header["flags"], header["size_total"],
                header["payload_compressed"], header["payload_uncompressed"], file_name))
    return len(found)
