#!/usr/bin/python3
"""The stack tracer and what else is switched by files of its own: Linux's shapes, and figures that add up."""

import re
import sys

sys.dont_write_bytecode = True
from nestling import run
from tap import contains, done, equal, ok
from tracetext import NAME, sample

MARK = "echo --\n"
PLACE = rf"{NAME}\+0x[0-9a-f]+/0x[0-9a-f]+"
STACK_HEAD = re.compile(r" {8}Depth    Size   Location    \((\d+) entries\)\n {8}-----    ----   --------\n")
STACK_LINE = re.compile(rf"(?P<nr>(?=[ \d]{{3}}\))[ ]*\d+)\) (?P<depth>(?=[ \d]{{8}} )[ ]*\d+)   (?P<size>(?=[ \d]{{5}} )[ ]*\d+)   {PLACE}")


def session(script, name, status=0, **options):
    result = run(script, **options)
    equal(result.status, status, f"{name}: status {status}", result.stdout[-2000:], result.stderr)
    return re.split("^--\n", result.stdout, flags=re.M)


def wrong_stack(text):
    """What isn't as in a stack trace of Linux: shape, numbering, or sums."""
    head = STACK_HEAD.match(text)
    if not head:
        return "no head: " + text[:200]
    lines = text[head.end():].splitlines()
    rows = [STACK_LINE.fullmatch(line) for line in lines]
    if not all(rows):
        return [line for line, row in zip(lines, rows) if not row]
    if len(rows) != int(head[1]) or [int(row["nr"]) for row in rows] != list(range(len(rows))):
        return "numbers"
    left = int(rows[0]["depth"])
    for row in rows:
        if int(row["depth"]) != left:
            return row.group()
        left -= int(row["size"])
    return left or None


def test_suites(suite):
    for cpus, append in ((1, "test"), (4, "test"), (4, "test debug")):
        result = run(f"ktap {suite}", smp=cpus, append=append, timeout=120)
        equal((result.status, result.stdout.count(f"\nok 1 {suite}")), (0, 1), f"{suite}, {cpus} CPUs, {append}", result.stdout[-3000:],
              result.stderr[-1000:])


def test_stack():
    equal(wrong_stack(sample("stack_trace.txt")), None, "Linux's own stack trace has the shape we ask for")
    text = session("cat stack_trace stack_max_size stack_trace_filter stack_tracer_enabled\n" + MARK +
                   "echo 1 > stack_tracer_enabled; cd; cat stack_tracer_enabled enabled_functions\n" + MARK + "ktap sched\n" + MARK +
                   "echo 0 > stack_tracer_enabled; cat stack_max_size stack_trace\n" + MARK +
                   "echo 0 > stack_max_size; echo strlen > stack_trace_filter; cat stack_trace_filter; echo 1 > stack_tracer_enabled; cd\n"
                   "cat stack_trace\n" + MARK + "cat trace_stat/none", "the stack tracer", status=1, append="test", smp=2)
    contains(text[0], "(0 entries)", "before, there is nothing")
    contains(text[0], "#  Stack tracer disabled\n", "… and it is said why")
    equal(text[0].splitlines()[-3:], ["0", "#### all functions enabled ####", "0"], "size, filter and switch")
    contains(text[1], "->stack_trace_call+0x", "enabled, it is at all functions")
    size, trace = text[3].split("\n", 1)
    equal(wrong_stack(trace), None, "a trace of Linux's shape, whose sizes add up")
    equal(int(re.search(r"^  0\) +(\d+)", trace, re.M)[1]), int(size), "its first line is stack_max_size")
    ok(1000 < int(size) < 16384, "… which is plausible", size)
    name, trace = text[4].split("\n", 1)
    equal((name, wrong_stack(trace)), ("strlen", None), "filtered, too")
    contains(trace, "  0)", "… there is one")
    ok(re.search(r"^  0\) +\d+ +8   strlen\+0x5/", trace, re.M), "… that ends where the filter says", trace)


LATENCY_HEAD = re.compile(rf"""# tracer: irqsoff
#
# irqsoff latency trace v1\.1\.5 on nestling
# --------------------------------------------------------------------
# latency: (?P<us>\d+) us, #(?P<shown>\d+)/(?P<written>\d+), CPU#0 \| \(M:preempt VP:0, KP:0, SP:0 HP:0 #P:1\)
#    -----------------
#    \| task: (?P<task>\S+) \(uid:0 nice:0 policy:0 rt_prio:0\)
#    -----------------
#  => started at: (?P<start>{NAME})
#  => ended at:   (?P<end>{NAME})
#
#
#                    _------=> CPU#            
(?:#.*\n){{8}}""")
LATENCY_LINE = re.compile(rf"(?=.{{8}}-\d) *(?P<comm>\S+)-(?P<pid>(?=\d+ *\d)[\d ]{{7}})   0d[N.][hzZ.][1-9a-f.]\.(?P<us> +\d+)us[ +!#*@$]:"
                          rf" (?P<name>{NAME}) <-(?P<parent>{NAME})")


def test_irqsoff():
    """Counted in instructions, so that nothing else is ever longer."""
    text = session("cat tracing_max_latency tracing_thresh trace\n" + MARK + "echo irqsoff > current_tracer; cat available_tracers; cd; echo x\n"
                   "cat tracing_max_latency trace\n" + MARK + "echo 0 > tracing_max_latency; cat tracing_max_latency; cat trace\n" + MARK +
                   "ktap irqsoff", "irqsoff", append="test", icount=1)
    equal(text[0].splitlines()[:3], ["0", "0", "# tracer: nop"], "before, nothing")
    names, _, latency, trace = text[1].split("\n", 3)
    ok("irqsoff" in names.split(), "available_tracers has it", names)
    head = LATENCY_HEAD.match(trace)
    if ok(head, "a head of Linux's shape", trace[:1500]):
        equal(head["us"], latency, "… with tracing_max_latency")
        lines = trace[head.end():].splitlines()
        rows = [LATENCY_LINE.fullmatch(line) for line in lines]
        equal([line for line, row in zip(lines, rows) if not row], [], "… and lines")
        equal(int(head["shown"]), len(rows), "… as many as it says")
        equal((rows[0]["us"].strip(), rows[0]["parent"], rows[-1]["parent"]), ("0", head["start"], head["end"]),
              "… from where it started to where it ended")
        ok(0 <= int(rows[-1]["us"]) - int(latency) <= 1, "… after so long", (rows[-1]["us"], latency))
        times = [int(row["us"]) for row in rows]
        equal(times, sorted(times), "… in the order of their time")
    ok(int(text[2].splitlines()[0]) < 1000, "tracing_max_latency can be set", text[2][:100])


test_suites("stack_tracer")
test_suites("irqsoff")
test_irqsoff()
test_stack()
done()
