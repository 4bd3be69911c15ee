#!/usr/bin/python3
"""The graph tracer's files: Linux's columns, braces that match, and everything traced while the kernel tests itself."""

import os
import re
import sys

sys.dont_write_bytecode = True
from nestling import TRACING, run, writer
from tap import contains, done, equal, ok
from tracetext import NAME, sample

MARK = "echo --\n"
STRESS = int(os.environ.get("STRESS") or 1)
HEADER = sample("trace-function_graph.txt").splitlines()[:4]
DURATION = r"(?:(?P<mark>[ +!#*@$]) (?P<us>(?=[\d.]{5,8} )\d+\.\d{1,3}|\d{7,}) us +\|  | {14}\|  )"
LINE = re.compile(rf" (?P<cpu>\d)\) (?:{DURATION}(?P<indent> *)(?:(?P<leaf>{NAME})\(\);|(?P<open>{NAME})\(\) {{|(?P<close>}})"
                  rf"(?: /\* (?P<lost>{NAME}) \*/)?|/\* (?P<comment>.*) \*/)|  (?P<arrow>==========>|<==========) \|)")
SWITCH = re.compile(r" (?P<cpu>\d)\) (?P<before> *\S+-\d+ *) => (?P<after> *\S+-\d+ *)")
RULE = " " + "-" * 42
SWITCH_LINES = re.compile(rf"^{RULE}\n{SWITCH.pattern}\n{RULE}\n\n", re.M)
LIMITS = ((1e6, "$"), (1e5, "@"), (1e4, "*"), (1e3, "#"), (1e2, "!"), (10, "+"))


def session(script, name, status=0, **options):
    result = run(script, **options)
    equal(result.status, status, f"{name}: status {status}", result.stdout[-2000:], result.stderr)
    return re.split("^--\n", result.stdout, flags=re.M)


def graph_of(text):
    """The lines below the header, parsed: a match each, or the line itself when it has no shape that Linux's have."""
    lines = text[text.index("# tracer"):].splitlines()
    found, switches = [], 0
    body = lines[4:]
    at = 0
    while at < len(body):
        if body[at] == RULE:
            ok_switch = (at + 3 < len(body) and SWITCH.fullmatch(body[at + 1]) and body[at + 2] == RULE and body[at + 3] == "")
            found.append(SWITCH.fullmatch(body[at + 1]) if ok_switch else body[at])
            switches += 1
            at += 4
            continue
        in_column = body[at][18:19] == "|"
        found.append(LINE.fullmatch(body[at]) if in_column else body[at])
        found[-1] = found[-1] or body[at]
        at += 1
    return lines[:4], found, switches


def calls(found):
    """Without the switches to other threads."""
    return [line for line in found if line.re is LINE]


def misshapen(found):
    return [line for line in found if isinstance(line, str)]


def wrong_marks(found):
    bad = []
    for line in found:
        if line.re is LINE and line["us"]:
            us = float(line["us"])
            want = next((mark for limit, mark in LIMITS if us > limit), " ")
            if line["mark"] != want and us not in (limit for limit, _ in LIMITS):
                bad.append(line.group())
    return bad


def wrong_braces(found):
    """Of each CPU, between switches: an opening brace's closing one stands below it, in the same column."""
    stacks, bad = {}, []
    for line in found:
        if line.re is SWITCH:
            stacks[line["cpu"]] = []
            continue
        stack = stacks.setdefault(line["cpu"], [])
        depth = len(line["indent"] or "")
        if line["open"]:
            if stack and depth <= stack[-1]:
                bad.append(line.group())
            stack.append(depth)
        elif line["close"]:
            if not stack:
                continue
            if stack.pop() != depth:
                bad.append(line.group())
                stack.clear()
        elif line["leaf"] and stack and depth != stack[-1] + 2:
            bad.append(line.group())
    return bad


def test_the_shape_itself():
    _, found, _ = graph_of(sample("trace-function_graph.txt"))
    equal(misshapen(found), [], "Linux's own lines have the shape we ask for")
    equal(wrong_marks(found), [], "… and their marks are as we compute them")


def test_shape():
    text = session("echo 'sys_trace_stat tracefs_* strlen' > set_ftrace_filter; echo function_graph > current_tracer; cd; cat trace\n" + MARK +
                   "echo 'p:probe tracefs_stat+5' > kprobe_events; echo 1 > events/kprobes/probe/enable; echo > trace; cd; cat trace\n"
                   "echo 0 > events/kprobes/probe/enable; echo > kprobe_events\n" + MARK +
                   "echo nop > current_tracer; cat trace; cat available_tracers", "shape")
    header, found, _ = graph_of(text[0])
    equal(header, HEADER, "the header is Linux's")
    equal(misshapen(found), [], "all lines have Linux's shape")
    equal(wrong_marks(found) + wrong_braces(found), [], "marks and braces are right")
    ok(any(line["leaf"] == "strlen" for line in calls(found)), "a function that calls none is one line", text[0])
    equal(found[0]["open"], "sys_trace_stat", "the first is the system call that asks for a directory")
    _, found, _ = graph_of(text[1])
    equal(misshapen(found), [], "with events in between, too")
    inside = [line.group() for line in calls(found) if line["comment"]]
    ok(inside and all(re.fullmatch(r" 0\) {15}\|  +/\* probe: \(tracefs_stat\+0x5/0x[0-9a-f]+\) \*/", line) for line in inside),
       "an event is a comment", inside)
    contains(text[2], "funcgraph_entry: --> sys_trace_stat (0)", "another tracer shows them as events")
    ok("function_graph" in text[2].splitlines()[-1].split(), "available_tracers has it", text[2][-100:])


def test_options():
    on = "".join(f"echo 1 > options/funcgraph-{name}; " for name in ("abstime", "proc", "tail", "overrun", "retval"))
    text = session("echo 'sys_trace_stat sys_trace_open tracefs_stat tracefs_read' > set_ftrace_filter; echo function_graph > current_tracer\n"
                   f"{on} echo > trace; cat nosuch; cd; cat trace events/ftrace/funcgraph_exit/format\n" + MARK +
                   "echo > trace; echo 1 > options/funcgraph-retval-hex; cat nosuch; cat trace\n" + MARK +
                   "echo 0 > options/funcgraph-cpu; echo 0 > options/funcgraph-duration; echo 0 > options/funcgraph-proc\n"
                   "echo 0 > options/funcgraph-abstime; echo 0 > options/funcgraph-overhead; echo > trace; cd; cat trace\n" + MARK +
                   "cat events/ftrace/funcgraph_entry/format", "options", status=1)
    lines = SWITCH_LINES.sub("", text[0]).splitlines()
    at = lines.index("#     TIME        CPU  TASK/PID         DURATION                  FUNCTION CALLS")
    equal(lines[at + 1], "#      |          |     |    |           |   |                     |   |   |   |", "a header with all columns")
    left = r" {3,4}\d+\.\d{6} \|   0\)(?=[ \S]{16}\| ) +\S+-\d+ +\| "
    value = r"(?:0x[0-9a-f]+|-\d+)"
    shapes = re.compile(rf"{left}(?:{DURATION} *(?:{NAME}\(\); /\* = {value} \*/|{NAME}\(\) {{|}} /\* {NAME} = {value} \*/))| \(Overruns: 0\)")
    rest = lines[at + 2:lines.index("name: funcgraph_exit")]
    equal([line for line in rest if not shapes.fullmatch(line)], [], "… and lines with all of them")
    ok(any(" = -2 */" in line for line in rest), "an error is shown as one", rest)
    contains(text[0], "\tfield:unsigned long retval;\toffset:40;\tsize:8;\tsigned:0;\n", "the format says that there are values")
    ok(" = 0xfffffffe */" in text[1] and " = -2 " not in text[1], "… but not with funcgraph-retval-hex", text[1])
    lines = text[2].splitlines()
    equal(lines[2:4], ["#               FUNCTION CALLS", "#               |   |   |   |"], "a header without columns")
    ok(lines[4] == "sys_trace_stat() {" and lines[5].startswith("  tracefs_"), "… and lines", lines)
    equal(text[3], sample("format-funcgraph_entry"), "funcgraph_entry's format is Linux's")


def test_switches_and_interrupts():
    text = session("echo 'schedule irq_dispatch thread_wake sched_interrupt thread_yield' > set_ftrace_filter\n"
                   "echo function_graph > current_tracer; ktap sched\n" + MARK + "cat trace\n" + MARK +
                   "echo 0 > options/funcgraph-irqs; cat trace\n" + MARK + "echo > trace; ktap sched\n" + MARK + "cat tracing_on\n" + MARK +
                   "echo 0 > tracing_on; echo 1 > options/funcgraph-irqs; cat trace", "switches and interrupts", append="test", smp=2)
    _, found, switches = graph_of(text[1])
    equal(misshapen(found), [], "all lines have Linux's shape")
    ok(switches > 5, "who runs when another has is said", switches)
    arrows = [line["arrow"] for line in found if line.re is LINE and line["arrow"]]
    ok(len(arrows) > 4 and abs(arrows.count("==========>") - arrows.count("<==========")) <= 6, "interrupts have arrows", len(arrows))
    equal(wrong_marks(found), [], "marks are right")
    _, found, _ = graph_of(text[2])
    equal([line for line in misshapen(found) if line != " (Overruns: 0)"], [], "without interrupts, lines of the same shape")
    ok(not any(line.re is LINE and (line["arrow"] or "irq_dispatch" in (line["open"], line["leaf"])) for line in found),
       "funcgraph-irqs off: they aren't shown")
    _, found, _ = graph_of(text[5])
    ok(found and not any("irq_dispatch" in line.group() for line in found if not isinstance(line, str)), "… nor recorded")


def test_filters():
    text = session("cat set_graph_function set_graph_notrace max_graph_depth tracing_thresh\n" + MARK +
                   "echo tracefs_stat > set_graph_function; echo strlen > set_graph_notrace; cat set_graph_function set_graph_notrace\n"
                   "echo function_graph > current_tracer; cd; cat trace\n" + MARK +
                   "echo > set_graph_function; echo > set_graph_notrace; echo 2 > max_graph_depth; echo > trace; cd; cat trace\n", "filters")
    equal(text[0].splitlines(), ["#### all functions enabled ####", "#### no functions disabled ####", "0", "0"],
          "empty, they say what Linux says")
    names, trace = text[1].split("#", 1)
    equal(names.split(), ["tracefs_stat", "strlen"], "they read as set")
    _, found, _ = graph_of("#" + trace)
    outer = {line["open"] or line["leaf"] for line in calls(found) if line["indent"] == "" and not line["close"]}
    equal(outer, {"tracefs_stat"}, "only what is called by it")
    ok(len(found) > 5 and not any("strlen" in line.group() for line in found), "and nothing that strlen would call", trace)
    _, found, _ = graph_of(text[2])
    write = "echo 10000 > rcu/stall_timeout"
    (pid,) = session(f"echo 'timeout_store ctl_parse_u64' > set_ftrace_filter; echo 2 > set_ftrace_pid; echo function_graph > current_tracer\n"
                     f"{write}; echo {writer()} > set_ftrace_pid; {write}; echo > set_ftrace_pid; echo nop > current_tracer; cat trace",
                     "set_ftrace_pid")
    equal(pid.count("--> timeout_store"), 1, "set_ftrace_pid is for it, too", pid)
    depths = {len(line["indent"]) for line in calls(found) if line["open"] or line["leaf"]}
    equal(depths, {0, 2}, "max_graph_depth: so deep, and no deeper")


def test_suites():
    for cpus, append in ((1, "test"), (4, "test"), (4, "test debug chaos=5")):
        result = run("ktap graph", smp=cpus, append=f"{append} stress={STRESS}", timeout=120 + 30 * STRESS)
        equal((result.status, result.stdout.count("\nok 1 graph")), (0, 1), f"{cpus} CPUs, {append}: the kernel's own tests",
              result.stdout[-3000:], result.stderr[-1000:])


def test_everything_under_load():
    """All functions on all CPUs, with another consumer at the same sites, while the kernel tests itself."""
    suites = ("sched", "wake", "timeout", "smp", "static_key", "text_poke", "kmalloc", "vmem")
    for cpus, append in ((4, "test"), (2, "test debug chaos=3"), (1, "test"))[:3 if STRESS > 1 else 2]:
        script = (f"cd {TRACING}; echo function_graph > current_tracer; echo 1 > function_profile_enabled\n" +
                  "".join(f"ktap {suite}\n" for suite in suites) +
                  "echo 0 > function_profile_enabled\n" + MARK + "cat trace\n" + MARK + "echo nop > current_tracer; cat enabled_functions")
        result = run(script, smp=cpus, append=f"{append} stress={STRESS}", timeout=200 + 60 * STRESS)
        passed = re.findall(r"^ok 1 (\w+)$", result.stdout, re.M)
        equal((result.status, passed), (0, list(suites)), f"all functions traced, {cpus} CPUs, {append}", result.stdout[-3000:],
              result.stderr[-1000:])
        parts = re.split("^--\n", result.stdout, flags=re.M)
        if len(parts) == 3:
            header, found, _ = graph_of(parts[1])
            equal((header, misshapen(found)[:5]), (HEADER, []), "… and the trace is one of Linux's shape")
            ok(len(found) > 1000, "… and long", len(found))
            lost = [line for line in found if not isinstance(line, str) and line.re is LINE and line["lost"]]
            ok(lost and len(lost) < len(found) / 10, "… with a name where the opening brace was overwritten", len(lost))


def test_recovery():
    """Out of a recursion of breakpoints, in the middle of traced functions."""
    result = run(f"cd {TRACING}; echo function_graph > current_tracer; tour 4; tour 10; echo nop > current_tracer; echo alive", timeout=60)
    equal(result.status, 0, "bust_kprobes() with every function's return hooked", result.stdout[-2000:], result.stderr[-500:])
    contains(result.stdout, "alive\n", "… and the shell goes on")


def test_text():
    """Each tracer, on and off again, leaves the text as it was: so health says of what comes later what that has changed."""
    tracers = run("cat available_tracers").stdout.split()
    result = run("echo 1 > health\n" + "".join(f"echo {name} > current_tracer; echo nop > current_tracer; cat health | grep 'text bytes'\n" for name in tracers))
    equal([line.split()[-1] for line in result.stdout.splitlines()], ["same"] * len(tracers), f"the text is the same after {', '.join(tracers)}",
          result.stdout)


def test_cost():
    result = run("bench", icount=1, timeout=100)
    rows = dict((line.rsplit(None, 3)[0].strip(), int(line.rsplit(None, 3)[2])) for line in result.stdout.splitlines()[1:])
    cost = rows["the same with function_graph, both events written"] - rows["a call of an untraced function (to subtract)"]
    ok(cost <= 220, f"a call costs at most 220 instructions more: {cost}")


test_the_shape_itself()
test_suites()
test_shape()
test_options()
test_switches_and_interrupts()
test_filters()
test_recovery()
test_text()
test_everything_under_load()
test_cost()
done()
