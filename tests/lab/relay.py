# SPDX-License-Identifier: LGPL-2.1-or-later
"""Link impairment in user space: for kernels without netem, for one-way loss, for resets."""

import contextlib
import ctypes
import errno
import fcntl
import heapq
import random
import select
import socket
import struct
import time

SIOCETHTOOL = 0x8946
# ETHTOOL_STXCSUM, STSO, SUFO, SGSO, SGRO, SSG
OFFLOADS = (0x17, 0x1F, 0x22, 0x24, 0x2C, 0x19)
PACKET_OUTGOING = 4
ETH_P_ALL = 3
TCP = 6
FIN, SYN, RST, ACK = 1, 2, 4, 16


def disable_offload(dev):
    """Turn off checksum and segmentation offload, so that frames on the wire are
    complete and can be handled by a user-space relay."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        for feature in OFFLOADS:
            value = ctypes.create_string_buffer(struct.pack("II", feature, 0))
            ifreq = struct.pack("16sP", dev.encode(), ctypes.addressof(value))
            with contextlib.suppress(OSError):
                fcntl.ioctl(sock, SIOCETHTOOL, ifreq.ljust(40, b"\0"))
    finally:
        sock.close()


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp_part(frame):
    """(source, destination, TCP segment, its length on the wire) of a frame, or None."""
    if len(frame) < 34:
        return None
    if frame[12:14] == b"\x08\x00" and frame[23] == TCP:
        ihl = (frame[14] & 15) * 4
        return (frame[26:30], frame[30:34], frame[14 + ihl:],
                struct.unpack("!H", frame[16:18])[0] - ihl)
    if frame[12:14] == b"\x86\xdd" and frame[20] == TCP:
        return (frame[22:38], frame[38:54], frame[54:], struct.unpack("!H", frame[18:20])[0])
    return None


def tcp_reset_for(frame):
    """The frame a rejecting firewall would answer with, or None."""
    part = tcp_part(frame)
    if part is None or len(part[2]) < 20:
        return None
    src, dst, tcp, payload_len = part
    sport, dport, seq, ack, offset, flags = struct.unpack("!HHIIBB", tcp[:14])
    if flags & RST:
        return None
    if flags & ACK:
        head = struct.pack("!HHIIBBHHH", dport, sport, ack, 0, 0x50, RST, 0, 0, 0)
    else:
        datalen = payload_len - (offset >> 4) * 4
        ackno = (seq + datalen + bool(flags & SYN) + bool(flags & FIN)) & 0xFFFFFFFF
        head = struct.pack("!HHIIBBHHH", dport, sport, 0, ackno, 0x50, RST | ACK, 0, 0, 0)
    if len(src) == 4:
        pseudo = dst + src + struct.pack("!BBH", 0, TCP, 20)
        address = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0x4000, 64, TCP, 0) + dst + src
        address = address[:10] + struct.pack("!H", checksum(address)) + address[12:]
    else:
        pseudo = dst + src + struct.pack("!IHBB", 20, 0, 0, TCP)
        address = struct.pack("!IHBB", 0x60000000, 20, TCP, 64) + dst + src
    head = head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]
    return frame[6:12] + frame[0:6] + frame[12:14] + address + head


class Relay:
    """Forwards frames between two interfaces with delay, loss or resets."""

    def __init__(self, args):
        self.args = args
        self.socks = {"host": open_raw(args.host_dev), "net": open_raw(args.net_dev)}
        # Frames that come from the host go out.
        self.drop = {"host": args.drop in ("out", "both"), "net": args.drop in ("in", "both")}
        self.queue, self.count = [], 0

    def delay(self):
        seconds = self.args.delay / 1000.0
        if self.args.jitter:
            seconds += random.uniform(-1, 1) * self.args.jitter / 1000.0
        return max(0.0, seconds)

    def take(self, frame, came_from, now):
        """Decide what becomes of one frame."""
        if self.args.reset:
            answer = tcp_reset_for(frame)
            if answer:
                with contextlib.suppress(OSError):
                    self.socks[came_from].send(answer)
            return
        if self.drop[came_from] or (self.args.loss
                                    and random.random() * 100 < self.args.loss):
            return
        self.count += 1
        other = self.socks["net" if came_from == "host" else "host"]
        heapq.heappush(self.queue, (now + self.delay(), self.count, other, frame))

    def drain(self, key, now):
        while True:
            try:
                frame, addr = self.socks[key].recvfrom(65536)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as exc:
                if exc.errno in (errno.ENETDOWN, errno.ENXIO):
                    return
                raise
            if addr[2] != PACKET_OUTGOING:                # else our own
                self.take(frame, key, now)

    def run(self):
        while True:
            wait = max(0.0, self.queue[0][0] - time.monotonic()) if self.queue else None
            ready, _, _ = select.select(list(self.socks.values()), [], [], wait)
            now = time.monotonic()
            for key, sock in self.socks.items():
                if sock in ready:
                    self.drain(key, now)
            while self.queue and self.queue[0][0] <= time.monotonic():
                _, _, other, frame = heapq.heappop(self.queue)
                with contextlib.suppress(OSError):
                    other.send(frame)


def open_raw(dev):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((dev, 0))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.setblocking(False)
    return sock


def main(args):
    Relay(args).run()


def record(args):
    """Write the frames of one interface to a pcap file for some seconds."""
    sock = open_raw(args.dev)
    deadline = time.monotonic() + args.seconds
    count = 0
    with open(args.file, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([sock], [], [], left)[0]:
                break
            frame = sock.recv(65535)
            stamp = time.time()
            out.write(struct.pack("<IIII", int(stamp), int(stamp % 1 * 1e6), len(frame),
                                  len(frame)) + frame)
            out.flush()
            count += 1
    print("%d frames in %s" % (count, args.file))
    return 0
