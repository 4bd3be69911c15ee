#!/usr/bin/python3
"""The console as a person at a terminal has it: prompt, editing keys, history, completion, and ways to leave."""

import os
import sys

sys.dont_write_bytecode = True
import pexpect
from nestling import ROOT, TRACING, environment, scaled
from tap import done, equal, ok

CTRL_A = "\x01\x01"  # QEMU keeps a single one for itself
UP, LEFT, HOME, END, DELETE = "\x1b[A", "\x1b[D", "\x1b[H", "\x1b[F", "\x1b[3~"


def prompt(cwd=TRACING):
    return f"nestling:{cwd}# "


def start():
    """A session at its first prompt."""
    session = pexpect.spawn(os.path.join(ROOT, "tools/run"), env=environment(), cwd=ROOT,
                            timeout=scaled(30), encoding="utf-8", dimensions=(24, 80))
    expect(session, prompt(), "the prompt appears")
    return session


def expect(session, text, name):
    """One test: the text comes next in the session's output."""
    ends = [end for end in (pexpect.EOF, pexpect.TIMEOUT) if end is not text]
    return ok(session.expect_exact([text] + ends) == 0, name, f"waited for {text!r}", session.before)


def answers(session, keys, output, name, cwd=TRACING):
    """Typing @keys and Enter prints exactly @output, a line or several, and then the prompt."""
    session.send(keys + "\r")
    session.expect_exact(["\n", pexpect.EOF, pexpect.TIMEOUT])
    index = session.expect_exact([prompt(cwd), pexpect.EOF, pexpect.TIMEOUT])
    equal((index, session.before.replace("\r", "")), (0, output), name)


def leave(session, keys, status, name):
    session.send(keys)
    expect(session, pexpect.EOF, f"{name} ends it")
    session.close()
    equal(session.exitstatus, status, f"{name}: status {status}")


def test_editing(session):
    answers(session, "echo alive", "alive\n", "a command runs")
    answers(session, "", "", "an empty line does nothing")
    answers(session, "cho abXc" + LEFT + "\x7f" + CTRL_A + "e" + END + "d", "abcd\n",
            "the cursor moves, Backspace deletes")
    answers(session, "xecho one two\x17three" + HOME + DELETE, "one three\n", "Delete and ^W")
    answers(session, "junk\x15echo a\x1b[5~b\x1b[15~", "ab\n", "^U; unknown keys do nothing")
    session.send("echo dropped\x03")
    expect(session, "^C", "^C drops the line")
    expect(session, prompt(), "… and prompts again")
    answers(session, "echo " + "0123456789" * 30, "0123456789" * 30 + "\n", "a line longer than the screen")


def test_history(session):
    answers(session, "echo first", "first\n", "history: one line")
    answers(session, "echo second", "second\n", "… another")
    answers(session, UP + UP, "first\n", "Up goes back")
    answers(session, "\x10\x10\x10\x0e", "second\n", "^P and ^N too")
    answers(session, "echo ke" + UP + "\x0ept", "kept\n", "what was being typed is not lost")


def test_completion(session):
    answers(session, "ec\tdone", "done\n", "Tab completes a command")
    answers(session, "cat curr\t", "nop\n", "… a file")
    answers(session, "echo nop > curr\t", "", "… also after '>'")
    answers(session, "cd kprobes\t", "", "… a directory", TRACING + "/kprobes")
    answers(session, "cd ..", "", "and back")
    session.send("cat avail\t\t")
    expect(session, "available_filter_functions ", "a second Tab lists")
    expect(session, "available_tracers ", "… all that fits")
    expect(session, prompt() + "cat available_", "… and shows the line again")
    answers(session, "tr\t", "function function_graph irqsoff nop\n", "… to go on with")


def test_interrupt(session):
    session.send("echo so far > trace_marker; cat trace_pipe\r")
    expect(session, "tracing_mark_write: so far\r\n", "what waits prints")
    session.send("\x03")
    expect(session, "^C\r\n", "^C ends it")
    expect(session, prompt(), "… and prompts again")


def test_follow(session):
    answers(session, "echo step > kprobes/technique; echo p:n sleep_ns+5 > kprobe_events; echo 1 > events/kprobes/n/enable", "", "a probe")
    session.send("nest -f\r")
    expect(session, "#BP hit at sleep_ns+0x6", "nest -f shows it being hit")
    session.send("\x03")
    expect(session, "^C\r\n", "^C ends that")
    expect(session, prompt(), "… and prompts again")
    answers(session, "echo 0 > events/kprobes/n/enable; echo > kprobe_events; echo auto > kprobes/technique", "", "it is gone")


def test_colour(session):
    """A person's terminal shows what is a title and what is typed; that a script's output is plain scenes.t would see."""
    session.send("tour 6\r")
    expect(session, "\x1b[1m\r\n=== Scene 6: why iret isn't enough ===\r\n\x1b[0m\r\nIf the flag says", "a scene's title is bold")
    expect(session, "\x1b[1;36m# cat recursion/iret_demo\r\n\x1b[0mfive bytes, ", "… and what is typed is coloured")
    expect(session, prompt(), "… and nothing else")


def test_servers(session):
    """Whoever types notices nothing but what init says."""
    for name in ("console", "tracefs", "console"):
        answers(session, f"kill {name}", f"init: {name} ended with status 9, and is started again\n", f"{name} is killed")
        answers(session, "cat curr\t", "nop\n", "… and keys, files and completion are there as before")
    test_interrupt(session)


def test_session():
    session = start()
    test_editing(session)
    test_history(session)
    test_completion(session)
    test_interrupt(session)
    test_follow(session)
    test_colour(session)
    test_servers(session)
    leave(session, "\x04", 1, "^D on an empty line")


def test_failure():
    session = start()
    answers(session, "nosuch", "sh: nosuch: command not found\n", "an unknown command says so")
    answers(session, "echo 'a", "sh: line 1, column 6: unterminated ' quote\n", "so does a syntax error")
    answers(session, "echo on", "on\n", "and the session goes on")
    leave(session, "poweroff\r", 1, "poweroff after a failure")


test_session()
test_failure()
done()
