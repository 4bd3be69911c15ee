#!/usr/bin/python3
"""The tour's scenes, each held against what it says: 1 and 3 the two problems, 2 what is hidden, 5 and 6 the flag, 7 what policies let through, 8 and 9 hits in steps."""

import os
import re
import sys

sys.dont_write_bytecode = True
from elf import Elf
from nestling import run
from tap import contains, done, equal, ok
from tourtext import check_health, pictures, scenes

KERNEL = Elf()


SECTION = re.compile(r"(\.[\w.]+) +(\d+) functions +(\d+) bytes(  hidden)?")


def checker_says():
    """{section: (functions, bytes)}, as tools/noinstr-check left it beside the kernel."""
    with open(os.path.join(os.path.dirname(KERNEL.path), "noinstr.txt"), encoding="utf-8") as file:
        return {name: (int(n), int(size)) for name, n, size in re.findall(r"(\.\w+\.text) (\d+) functions, (\d+) bytes", file.read())}


def test_hiding():
    result = run("tour 2; echo alive")
    equal((result.status, result.stdout[-6:]), (0, "alive\n"), "scene 2 plays, and the kernel goes on", result.stdout, result.stderr)
    shown = {m[1]: (int(m[2]), int(m[3]), bool(m[4])) for m in map(SECTION.fullmatch, result.stdout.splitlines()) if m}
    equal({name: row[:2] for name, row in shown.items() if row[2]}, checker_says(), "scene 2: what is hidden, as the checker counted it")
    equal({name: row[1] for name, row in shown.items()}, {name: KERNEL.section(name).size for name in shown},
          "scene 2: … and as the ELF has it")
    equal(sorted(shown), [".entry.text", ".kprobes.text", ".noinstr.text", ".text"], "scene 2: … all four sections")
    for command in ("rcu_nmi_enter > set_ftrace_filter", "p:tour/early do_int3 >> kprobe_events", "p:tour/self kprobe_int3 >> kprobe_events"):
        contains(result.stdout, f"\n# echo {command}\nsh: {command.split()[-1]}: write error: Invalid argument\n", f"scene 2: {command}: refused")
    equal(result.stdout.count("\n# echo p:tour/stub asm_exc_int3 >> kprobe_events\nsh: kprobe_events: write error: Invalid argument\n"), 2,
          "scene 2: a stub is refused, with kprobes/unsafe as well")
    reasons = re.findall(r"^\[.*\] \w+: error: (.*)$", result.stdout, re.M)
    equal([reason.split(":")[0] for reason in reasons],
          ["No function matches", "Probe point is hidden in .noinstr.text", "Probe point is hidden in .kprobes.text",
           "Probe point is in .entry.text, which is never opened to probes"], "scene 2: … each for its own reason")


def test_nested_hits():
    """Scenes 8 and 9: a hit inside a step is executed and counted; a recursion on the way out is ended, and the step isn't lost."""
    result = run("tour 8; tour 9; echo alive")
    equal((result.status, result.stdout[-6:]), (0, "alive\n"), "scenes 8 and 9 play, and the kernel goes on", result.stdout, result.stderr)
    nested, unrecoverable = scenes(result.stdout)
    copies = r"0xffffffff[0-9a-f]{8}"
    outer, inner = r"tracing_on_show\+0x6/0x[0-9a-f]+", r"fetch_store\+0x6/0x[0-9a-f]+"
    wanted = [(1, r"\\ #BP hit at " + outer), (2, r"\| \\ #BP hit at " + inner), (2, r"\| / #BP returns to " + copies),
              (2, r"\| \\ #DB hit at " + copies), (2, r"\| / #DB returns to " + inner), (1, r"/ #BP returns to " + copies),
              (1, r"\\ #DB hit at " + copies), (1, r"/ #DB returns to " + outer)]
    picture = pictures(nested)[0]
    ok(re.fullmatch("".join(rf" +{depth} {line}\n" for depth, line in wanted), picture),
       "scene 8: two steps, one inside the other, each to its end", picture)
    contains(nested, "\n# cat tracing_on\n1\n# nest\n", "scene 8: the file says what it says")
    equal(re.findall(r"^  (outer|inner) +(\d+) +(\d+)$", nested, re.M), [("outer", "1", "0"), ("inner", "0", "1")],
          "scene 8: one was recorded, the other was missed, and counted")
    contains(nested, "probe      by step, 1 hits, 0 missed", "scene 8: … as explain says")
    check_health(nested, "scene 8")
    contains(unrecoverable, "\n# echo p:tour/exit rcu_nmi_exit >> kprobe_events\nsh: kprobe_events: write error: Invalid argument\n",
             "scene 9: refused, at first")
    bust = re.search(r"\n# cat tracing_on\nbust_kprobes: (\d+) traps inside each other at rcu_nmi_exit\+0x0/0x[0-9a-f]+, over \d+ bytes"
                     r" of stack; 2 probe\(s\) disarmed, resuming\n1\n", unrecoverable)
    ok(bust and int(bust[1]) > 20, "scene 9: then it recurses, is ended, and the file is read", unrecoverable)
    picture = pictures(unrecoverable)[0]
    ok(re.search(rf"^ +2 \| <== #DF resumes at rcu_nmi_exit\+0x0/.*\n.*\n +1 / #BP returns to {copies}\n +1 \\ #DB hit at {copies}\n"
                 rf" +1 / #DB returns to {outer}$", picture, re.M), "scene 9: the step that was prepared is done", picture)
    check_health(unrecoverable, "scene 9")


def test_policies():
    """Scene 7: what each policy lets through, and how often it has dropped something."""
    result = run("tour 7; cat recursion/policy; echo alive")
    equal((result.status, result.stdout[-6:]), (0, "alive\n"), "scene 7 plays, and the kernel goes on", result.stdout, result.stderr)
    trace = result.stdout.split("# cat trace\n")[1].split("\n\n")[0]
    seen = [(marker.split("\n")[0], sorted(re.findall(r": (fetch_store|inner:|outer:|tracing_on_show) ", marker)))
            for marker in trace.split("tracing_mark_write: ")[1:]]
    wanted = {"none": ["inner:", "fetch_store"], "flag": [], "kind": ["fetch_store"], "context": ["inner:", "fetch_store"], "stack": ["fetch_store"]}
    equal(seen, [(policy, sorted(inside + ["outer:", "tracing_on_show"])) for policy, inside in wanted.items()], "scene 7: what each records", trace)
    contains(result.stdout, "\nfunction 1\ntracepoint 0\nkprobe 3\nmissed 0\n", "scene 7: what they have dropped")
    contains(result.stdout, "\nnone flag kind [context] stack\nalive\n", "scene 7: the usual policy is back")
    check_health(result.stdout, "scene 7")


def test_two_problems():
    """Scenes 1 and 3: a tracer where RCU isn't watching, which hiding prevents, and one that calls itself, which it doesn't."""
    result = run("tour 1; tour 3; cat rcu/check recursion/policy recursion/consumer kprobe_events; echo alive")
    equal((result.status, result.stdout[-6:]), (0, "alive\n"), "scenes 1 and 3 play, and the kernel goes on", result.stdout, result.stderr)
    half, itself = scenes(result.stdout)
    told = re.findall(r"^(hidden|exposed): RCU (was|wasn't) watching in twin_step\(\), (\d+) reports$", half, re.M)
    equal([line[:2] for line in told], [("hidden", "was"), ("exposed", "wasn't"), ("exposed", "wasn't"), ("hidden", "was"), ("exposed", "wasn't")],
          "scene 1: whether RCU watched", half)
    equal([int(reports) > 0 for _, _, reports in told], [False] * 4 + [True], "scene 1: reported is who used RCU in the exposed twin, and nobody else")
    summary = half.split("# dmesg | grep 'used illegally'\n")[1].split("\n\n")[0].splitlines()
    equal(len(summary), int(told[-1][2]), "scene 1: … in as many reports", half)
    ok(all(re.fullmatch(r"WARNING: suspicious RCU usage: rcu_\w+\(\) used illegally while idle, at \w+\+0x\w+/0x\w+", line) for line in summary),
       "scene 1: … that say what was wrong", *summary)
    equal(half.count("black box, the last records:\n"), 1, "scene 1: … with what led there, once")
    contains(half, ": twin_step <-do_twin\n", "scene 1: the tracer that asks nothing of RCU records")
    check_health(half, "scene 1")
    counts = [tuple(map(int, found)) for found in re.findall(r"^tracing_on_show\ncalls (\d+)\ndeepest (\d+)$", itself, re.M)]
    ok(len(counts) == 2 and counts[0] == (1, 1), "scene 3: with the guard the callback is called once", counts)
    recovered = re.search(r"^recovered 1\nfunction recursion_callback\ndepth (\d+)\nstack (\d+)\noff 1$", itself, re.M)
    ok(recovered and int(recovered[1]) == counts[1][1] > 20 and 8192 < int(recovered[2]) <= 16384, "scene 3: without, to the end of the stack", itself)
    picture = pictures(itself)[0]
    ok(re.fullmatch(r" +1 \\ #DF hit at .*\n +1 <== #DF resumes at recoverable_call\+.*\n +1 / #DF returns to recoverable_call\+.*\n", picture),
       "scene 3: no trap but the double fault", picture)
    contains(itself, "\n# cat tracing_on\nrecursion: ", "scene 3: it was cat that ran into it")
    contains(itself, "nothing more is recorded\n1\n# nest\n", "scene 3: … and was answered")
    check_health(itself, "scene 3")
    ok(result.stdout.endswith("\n0: 4 reports\nnone flag kind [context] stack\nnone\ncalls 0\ndeepest 0\nalive\n"),
       "scenes 1 and 3: nothing is left of them", result.stdout[-200:])


def test_flag():
    """Scenes 5 and 6: where the flag is asked, and why whoever finds it taken can't just return."""
    result = run("tour 5; tour 6; cat recursion/flag_at recursion/policy kprobe_events kprobes/unsafe kprobes/technique; echo alive")
    equal((result.status, result.stdout[-6:]), (0, "alive\n"), "scenes 5 and 6 play, and the kernel goes on", result.stdout, result.stderr)
    flag, iret = scenes(result.stdout)
    copies = r"0xffffffff[0-9a-f]{8}"
    first = r"tracing_on_show\+0x6/0x[0-9a-f]+"
    wanted = [(1, r"\\ #BP hit at " + first), (2, r"\| \\ #BP hit at rcu_nmi_enter\+0x1/0x[0-9a-f]+"), (2, r"\| / #BP returns to " + copies),
              (2, r"\| \\ #DB hit at " + copies), (2, r"\| / #DB returns to rcu_nmi_enter\+0x[0-9a-f]+/0x[0-9a-f]+"),
              (1, r"/ #BP returns to " + copies), (1, r"\\ #DB hit at " + copies), (1, r"/ #DB returns to " + first)]
    before, after = pictures(flag)
    ok(re.fullmatch("".join(rf" +{depth} {line}\n" for depth, line in wanted), before), "scene 5: asked before, it ends at depth two", before)
    equal(re.findall(r"^  (first|rcu) +(\d+) +(\d+)$", flag, re.M), [("first", "1", "0"), ("rcu", "0", "1")],
          "scene 5: one was recorded, the other missed, and counted")
    contains(flag, "\nfunction 0\ntracepoint 0\nkprobe 1\nmissed 0\n", "scene 5: … as what was dropped says")
    bust = re.search(r"^bust_kprobes: (\d+) traps inside each other at rcu_nmi_enter\+0x0/", flag, re.M)
    ok(bust and int(bust[1]) > 20 and "rounds not drawn" in after, "scene 5: asked after, it goes to the end of the stack", after)
    check_health(flag, "scene 5")
    verdicts = re.findall(r"^  (DAMAGED|no harm done)$", iret, re.M)
    equal(verdicts, ["DAMAGED", "DAMAGED", "no harm done", "DAMAGED"], "scene 6: three of four come to harm", iret)
    contains(iret, "\n  executed       31 db           xor %ebx,%ebx\n                 ff c3           inc %ebx\n", "scene 6: what nobody has written is run")
    check_health(iret, "scene 6")
    ok(result.stdout.endswith("\nbefore [after]\nnone flag kind [context] stack\n0\n[auto] step int3 emulate boost jump ftrace\nalive\n"),
       "scenes 5 and 6: nothing is left of them", result.stdout[-200:])


test_two_problems()
test_flag()
test_hiding()
test_nested_hits()
test_policies()
done()
