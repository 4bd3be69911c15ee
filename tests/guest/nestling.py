"""Runs the kernel under tools/run for a test and hands back what came out."""

import collections
import os
import re
import socket
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))

TRACING = "/sys/kernel/tracing"
OPTIONS = ("CMD", "SCRIPT", "APPEND", "SMP", "MEM", "TIMEOUT", "BOOT", "ICOUNT", "GDB", "GDBCMDS", "GDBPORT",
           "MONITOR", "LOG", "QEMU_EXTRA", "RUN_VERBOSE")

Result = collections.namedtuple("Result", "status stdout stderr log")


def environment(**options):
    """The caller's environment with no option in it but these (cmd="ls" is CMD=ls), and with absolute paths."""
    env = {name: value for name, value in os.environ.items() if name not in OPTIONS}
    for name in ("KERNEL", "ISO"):
        if env.get(name):
            env[name] = os.path.abspath(env[name])
    env.update((name.upper(), str(value)) for name, value in options.items() if value is not None)
    return env


def run(cmd=None, **options):
    """One boot. Options as tools/run has them, in lower case: append="test", boot="iso", mem="16M" …"""
    with tempfile.TemporaryDirectory(prefix="nestling-test-") as tmp:
        log = os.path.join(tmp, "log")
        result = subprocess.run([os.path.join(ROOT, "tools/run"), "--status"],
                                env=environment(cmd=cmd, log=log, **options), stdin=subprocess.DEVNULL,
                                capture_output=True, check=False)
        try:
            with open(log, "rb") as file:
                kept = file.read().decode(errors="replace")
        except FileNotFoundError:
            kept = ""
    return Result(result.returncode, result.stdout.decode(errors="replace"), result.stderr.decode(errors="replace"), kept)


def writer(**options):
    """The thread that writes control files for the shell: its number, the same in each boot of this machine."""
    return re.search(r"-(\d+) +\[", run("echo x > trace_marker; cat trace", **options).stdout)[1]


def scaled(seconds):
    return seconds * float(os.environ.get("TIMEOUT_SCALE") or 1)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
