#!/usr/bin/python3
"""`make debug` and `make debug-fault`, driven with the real gdb on a terminal, as a user would."""

import os
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import pexpect
from nestling import ROOT, TRACING, environment, free_port, scaled
from tap import contains, done, equal, ok

DEBUG = os.path.join(ROOT, "tools/debug")
PROMPT = r"\(gdb\) $"


def start(*words, **options):
    env = environment(gdbport=free_port(), **options)
    env["TERM"] = "dumb"
    return pexpect.spawn(DEBUG, list(words), env=env, cwd=ROOT, timeout=scaled(60), encoding="utf-8", echo=False)


def expect(session, pattern, name):
    """One test: the pattern comes next in the session's output."""
    ends = [end for end in (pexpect.EOF, pexpect.TIMEOUT) if end is not pattern]
    return ok(session.expect([pattern] + ends) == 0, name, f"waited for {pattern}", session.before)


def listening(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def leave(session, name):
    session.sendline("quit")
    expect(session, pexpect.EOF, f"{name}: quit ends it")
    session.close()
    ok(not listening(int(session.env["GDBPORT"])), f"{name}: … and QEMU with it")


def test_stop(boot):
    session = start(boot=boot, cmd="echo x")
    expect(session, r"reakpoint 1, kernel_main \(.*\) at kernel/main\.c:\d+\r\n", f"{boot}: stops at kernel_main")
    expect(session, r"^\d+\s[^\r\n]+\r\n", f"{boot}: … and shows its source")
    expect(session, PROMPT, f"{boot}: … and gives the prompt")
    session.sendline("info symbol $rip")
    expect(session, r"kernel_main", f"{boot}: … with rip in kernel_main")
    leave(session, boot)


def console_says(text):
    with open(os.path.join(ROOT, "build/log/debug-console.log"), encoding="utf-8") as file:
        return text in file.read()


def test_interrupt():
    session = start(cmd=f"echo before; echo 1 > {TRACING}/test/hang", append="test")
    expect(session, PROMPT, "a hanging guest: the prompt at kernel_main")
    session.sendline("delete")
    session.sendline("continue")
    expect(session, r"Continuing", "… goes on")
    deadline = time.monotonic() + scaled(60)
    while not console_says("before") and time.monotonic() < deadline:
        session.expect([pexpect.TIMEOUT, pexpect.EOF], timeout=0.02)
    session.sendintr()
    expect(session, r"SIGINT", "Ctrl-C stops the guest, not the debugger")
    expect(session, PROMPT, "… and gives the prompt")
    leave(session, "a hanging guest")


def test_taken_port():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = subprocess.run([DEBUG], env=environment(gdbport=port), text=True, capture_output=True, check=False)
    equal(result.returncode, 1, "a taken port is an error")
    contains(result.stderr, f"port {port} is taken", "… that names the port")
    contains(result.stderr, "GDBPORT=", "… and the way out")


def test_fault():
    session = start("fault", cmd=f"echo 1 > {TRACING}/test/triple", append="test")
    expect(session, r"triple fault\. It began with (#|vector|NMI)[^\r\n]*\r\n", "a triple fault is told in words")
    expect(session, r"at \w+\+0x[0-9a-f]+ \(\S+:\d+\)", "… with function, offset and line")
    expect(session, PROMPT, "… and gdb is there to look at it")
    leave(session, "a triple fault")
    session = start("fault", cmd="echo fine")
    expect(session, r"no triple fault", "without a triple fault it says so")
    expect(session, r"fine", "… and shows the console")
    expect(session, pexpect.EOF, "… and ends")


for way in ("pvh", "iso"):
    test_stop(way)
test_interrupt()
test_taken_port()
test_fault()
done()
