# SPDX-License-Identifier: LGPL-2.1-or-later
"""The commands of the lab: one function each, which returns the exit status."""

import os
import shutil
import signal
import subprocess
import sys
import time

from lab import bringup, capture, cluster, configs, control, daemons, net, teardown
from support.base import (EX_FAIL, EX_MISSING, EX_TIMEOUT, EX_USAGE, LabError, copy_file, log,
                          poll_until)


def up(lab, args):
    for key, value in bringup.up(lab, args).items():
        print("%-28s %7.2f s" % (key, value))
    return 0


def down(lab, args):
    lab.load()
    with lab.lock():
        if args.collect:
            teardown.collect(lab, args.collect)
        problems = teardown.tear_down(lab, args.force, args.timeout)
    if args.purge:
        shutil.rmtree(lab.dir, ignore_errors=True)
    for line in problems:
        log("lab: " + line)
    return EX_TIMEOUT if problems else 0


def exec_(lab, args):
    host = lab.load().host(args.host)
    if not args.argv:
        raise LabError("nothing to run", EX_USAGE)
    argv = args.argv[1:] if args.argv[0] == "--" else args.argv
    wrap = ["timeout", "-k", "3"]
    if sys.stdin.isatty():
        wrap.append("--foreground")
    env = lab.exec_env(host)
    env.update(bringup.parse_env(args.env, [host["name"]])[host["name"]])
    try:
        return subprocess.run(lab.enter(host, wrap + [str(args.timeout)] + argv), env=env,
                              timeout=args.timeout + 10).returncode
    except subprocess.TimeoutExpired:
        raise LabError("timed out after %gs" % args.timeout, 124) from None
    except KeyboardInterrupt:
        return 130


def link(lab, args):
    host = lab.load().host(args.host)
    if args.command == "cut":
        mode = ("rst" if args.rst else "down" if args.carrier
                else args.only if args.only else "drop")
        how = net.cut(lab, host, mode)
    elif args.command == "heal" or args.off:
        how = net.heal(lab, host)
    else:
        if not (args.delay or args.jitter or args.loss):
            raise LabError("give --delay, --jitter, --loss or --off", EX_USAGE)
        how = net.set_link(lab, host, mode="up", delay=args.delay, jitter=args.jitter,
                           loss=args.loss, backend=args.backend)
    print("%s: %s" % (host["name"], how))
    return 0


def send_signal(lab, args):
    host = lab.load().host(args.host)
    name = args.signal.upper()
    name = name if name.startswith("SIG") else "SIG" + name
    if not hasattr(signal, name):
        raise LabError("no such signal: " + args.signal, EX_USAGE)
    for pid, program, _ in daemons.send_signal(lab, host, getattr(signal, name), args.process):
        print("%s: %s to %s (pid %d)" % (host["name"], name, program, pid))
    return 0


def daemon(lab, args):
    host = lab.load().must_live(lab.host(args.host))
    name = args.daemon or daemons.main_daemon(host)
    status = daemons.status(lab, host, name)
    if status is None:
        raise LabError("no daemon %s on %s" % (name, host["name"]), EX_USAGE)
    if args.action == "status":
        if status["pid"]:
            print("%s: running for %.1f s" % (name, time.time() - status["since"]))
            return 0
        print("%s: not running (exit %s)" % (name, status["exit"]))
        return EX_FAIL
    if args.action in ("stop", "restart") and status["pid"]:
        begin = time.monotonic()
        code = daemons.stop(lab, host, name, args.timeout)
        print("%s: stopped in %.1f s (exit %s)" % (name, time.monotonic() - begin, code))
    if args.action in ("start", "restart"):
        start_daemon(lab, args, name)
        print("%s: started" % name)
    return 0


def start_daemon(lab, args, name):
    with lab.lock():
        host = lab.load().host(args.host)
        host["env"].update(bringup.parse_env(args.env, [host["name"]])[host["name"]])
        if name == "pacemaker-remoted":
            if args.binary:
                host["remoted"] = os.path.abspath(args.binary)
            daemons.install(lab, host)
            daemons.define_remoted(lab, host)
        lab.save()
    if name == "pacemaker-remoted":
        daemons.start_remoted(lab, host)
    else:
        daemons.start(lab, host, name)


def power(lab, args):
    host = lab.load().must_live(lab.host(args.host))
    if args.action == "status":
        with open(os.path.join(lab.dir, "power", host["name"] + ".state")) as handle:
            print(handle.read().strip())
    else:
        took = daemons.power(lab, host, args.action, args.timeout)
        print("%s: power %s done in %.2f s" % (host["name"], args.action, took))
    return 0


def wait(lab, args):
    lab.load()
    if args.what == "node":
        def test():
            return cluster.node_state(lab, args.name) in args.state.split(",")
    else:
        if args.state not in ("started", "stopped", "failed", "absent"):
            lab.host(args.state)

        def test():
            return cluster.resource_is(lab, args.name, args.state)
    _, took = poll_until("%s %s to be %s" % (args.what, args.name, args.state), test,
                         args.timeout, args.interval)
    print("%s %s %s after %.2f s" % (args.what, args.name, args.state, took))
    return 0


def add(lab, args):
    """Create a configuration fragment: raw XML or a ready-made shape."""
    lab.load()
    words = args.args
    if args.shape == "xml" and len(words) == 2:
        text = sys.stdin.read() if words[1] == "-" else open(words[1]).read()
        cluster.cib_create(lab, words[0], text)
    elif args.shape == "dummy" and len(words) in (1, 2):
        node = lab.host(words[1])["name"] if len(words) == 2 else None
        cluster.cib_merge(lab, configs.dummy(words[0], node, args.interval, args.score))
    elif args.shape == "remote" and words:
        for name in words:
            cluster.add_connection(lab, lab.host(name))
    elif args.shape == "alert" and len(words) == 1:
        cluster.cib_merge(lab, configs.alert(words[0]))
    else:
        raise LabError("usage: add dummy ID [HOST] | remote HOST... | alert LOGFILE | "
                       "xml SECTION FILE|-", EX_USAGE)
    return 0


def status(lab, _args):
    lab.load()
    bad = 0
    for host in [lab.state["switch"], *lab.hosts()]:
        if not lab.alive(host):
            print("%-8s %-7s GONE" % (host["name"], host["kind"]))
            bad = 1
            continue
        answer = control.ask(lab.hostdir(host), request="status")
        states = " ".join("%s=%s" % (name, "up" if d["pid"] else "down(%s)" % d["exit"])
                          for name, d in answer["daemons"].items())
        shape = host.get("link", {})
        extra = "" if not shape else "link=%s%s" % (shape["mode"], "".join(
            " %s=%g" % (k, shape[k]) for k in ("delay", "jitter", "loss") if shape[k]))
        print("%-8s %-7s %-15s pid=%-7d %s%s %s" % (
            host["name"], host["kind"], host.get("ip", ""), host["pid"],
            "" if answer["powered"] else "POWERED OFF ", extra, states))
    return bad


def ps(lab, args):
    lab.load()
    for host in ([lab.host(args.host)] if args.host else lab.hosts()):
        for pid, _, line in lab.processes(host):
            print("%-6s %7d %s" % (host["name"], pid, line))
    return 0


def cp(lab, args):
    lab.load()

    def resolve(text):
        name, sep, path = text.partition(":")
        if sep and name in lab.state["hosts"]:
            if not path.startswith("/"):
                raise LabError("path inside a host must be absolute: " + text, EX_USAGE)
            return lab.root_of(lab.host(name)) + path
        return text

    source, target = resolve(args.source), resolve(args.target)
    if not os.path.exists(source):
        raise LabError("no such file: " + args.source, EX_MISSING)
    if os.path.isdir(source):
        shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True)
    else:
        if os.path.isdir(target):
            target = os.path.join(target, os.path.basename(source))
        copy_file(source, target)
    return 0


def collect(lab, args):
    teardown.collect(lab.load(), args.target)
    print(args.target)
    return 0


def pcap(lab, args):
    """Record the frames of one host's link (or of the whole bridge) to a pcap file."""
    lab.load()
    dev = "br0" if args.host == "all" else "v-" + lab.host(args.host)["name"]
    argv = lab.enter_net(lab.state["switch"], [
        sys.executable, net.ENTRY, "__pcap", dev, os.path.abspath(args.file),
        "--seconds", str(args.seconds)])
    return subprocess.run(argv, timeout=args.seconds + 10, check=False).returncode


def wire(lab, args):
    base = args.logs or os.path.join(lab.load().dir, "hosts")
    print("%d records in %s" % (capture.write_all(base, args.target, args.side), args.target))
    return 0
