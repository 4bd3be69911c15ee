#!/usr/bin/python3
"""Consumers of function entries through their control files: Linux's words and shapes, and everything traced under load."""

import os
import re
import sys

sys.dont_write_bytecode = True
from nestling import TRACING, run, writer
from tap import contains, done, equal, ok
from tracetext import ENTRY, FUNCTION, NAME, bodies, parse, sample

MARK = "echo --\n"
STRESS = int(os.environ.get("STRESS") or 1)
CALL, CALLED = "echo 10000 > rcu/stall_timeout", "timeout_store"  # a write without a word, and the one function that it alone calls
PLACE = rf"{NAME}\+0x[0-9a-f]+/0x[0-9a-f]+"
ENABLED = re.compile(rf"(?P<name>{NAME}) \((?P<count>\d+)\) {{6}}"
                     rf"(?:\ttramp: 0x(?P<tramp>[0-9a-f]{{16}}) \((?P<func>{PLACE})\)| ) ?->(?P<target>{PLACE})")
CALLER = re.compile(rf" => (?P<name>{NAME}|0x[0-9a-f]+)")


def session(script, name, status=0, **options):
    """Runs a script and gives its output in pieces, cut at each MARK."""
    result = run(script, **options)
    equal(result.status, status, f"{name}: status {status}", result.stdout[-2000:], result.stderr)
    return re.split("^--\n", result.stdout, flags=re.M)


def enabled(text):
    """Names to (how many, by a trampoline of its own, what is called in the end)."""
    found = {}
    for line in text.splitlines():
        match = ENABLED.fullmatch(line)
        if not match:
            ok(False, "enabled_functions has Linux's shape", line)
            continue
        found[match["name"]] = (int(match["count"]), bool(match["tramp"]), match["target"].split("+")[0])
    return found


def test_the_shapes_themselves():
    wrong = [line for line in sample("enabled_functions.txt").splitlines() if not ENABLED.fullmatch(line)]
    equal(wrong, [], "Linux's own lines have the shape we ask for: enabled_functions.txt")
    lines = [line for line in sample("trace-stacktrace.txt").splitlines() if not line.startswith("#")]
    equal([line for line in lines if not (CALLER.fullmatch(line) or ENTRY.fullmatch(line))], [],
          "… and trace-stacktrace.txt")


def test_filters():
    text = session("cat set_ftrace_filter set_ftrace_notrace set_ftrace_pid\n" + MARK +
                   "echo 'str* mem*' > set_ftrace_filter; echo '*cmp strlen' > set_ftrace_notrace; echo strchr >> set_ftrace_notrace\n"
                   "echo '!strlen' >> set_ftrace_notrace; cat set_ftrace_notrace\n" + MARK +
                   "echo function > current_tracer; cat enabled_functions\n" + MARK +
                   "echo > set_ftrace_notrace; cat set_ftrace_notrace; cat enabled_functions\n" + MARK +
                   "echo nop > current_tracer; cat enabled_functions dyn_ftrace_total_info", "filters")
    equal(text[0].splitlines(), sample("filters-empty.txt").splitlines()[:2] + ["no pid"], "empty, they say what Linux says")
    excluded = text[1].split()
    ok("strchr" in excluded and "strcmp" in excluded and "strlen" not in excluded, "set_ftrace_notrace: > >> and !", excluded)
    found = enabled(text[2])
    ok("strlen" in found and "strchr" not in found and "strcmp" not in found, "what is excluded isn't traced", found)
    equal(set(found.values()), {(1, True, "function_trace_call")}, "one consumer: its own trampoline")
    cleared, rest = text[3].split("\n", 1)
    equal(cleared, "#### no functions disabled ####", "an empty write excludes none")
    ok({"strchr", "strcmp"} <= set(enabled(rest)), "… at once", rest)
    ok(re.fullmatch(r"\d+ pages:\d+ groups: 1\n", text[4]), "with nop no function is enabled; dyn_ftrace_total_info", text[4])


def test_several():
    text = session("echo strcmp > set_ftrace_filter; echo function > current_tracer; echo 'str*:stacktrace:3' >> set_ftrace_filter\n"
                   "cat enabled_functions\n" + MARK + "cat set_ftrace_filter\n" + MARK +
                   "echo '!str*:stacktrace:0' >> set_ftrace_filter; cat set_ftrace_filter enabled_functions", "several consumers")
    found = enabled(text[0])
    equal(found["strcmp"], (2, False, "ftrace_ops_list_func"), "two consumers: the list")
    equal(found["strlen"], (1, True, "stacktrace"), "… one: its own")
    lines = text[1].splitlines()
    equal(lines[0], "strcmp", "set_ftrace_filter: first the functions")
    ok(len(lines) > 5 and all(re.fullmatch(rf"{NAME}:stacktrace:count=\d", line) for line in lines[1:]), "… then the commands", lines)
    last = text[2].splitlines()
    equal((last[0], list(enabled("\n".join(last[1:])))), ("strcmp", ["strcmp"]), "removed, the tracer is alone again")


def test_stack_traces():
    text = session("echo only_entry_above_mount:stacktrace > set_ftrace_filter; ls / ; cd; echo '!only_entry_above_mount:stacktrace' >> "
                   "set_ftrace_filter\ncat trace\n" + MARK +
                   f"echo > trace; echo 1 > options/func_stack_trace; echo {CALLED} > set_ftrace_filter\n"
                   f"echo function > current_tracer; {CALL}\n"
                   "echo nop > current_tracer; echo 0 > options/func_stack_trace; cat trace", "stack traces")
    for piece, name, before in ((text[0], "only_entry_above_mount", []), (text[1], CALLED, [CALLED])):
        trace = parse(piece[piece.index("# tracer"):])
        heads = [line for line in trace.lines if ENTRY.fullmatch(line)]
        callers = [match["name"] for line in trace.lines if (match := CALLER.fullmatch(line))]
        equal(len(heads) + len(callers), len(trace.lines), f"{name}: Linux's lines and no others", trace.lines[:8])
        traced = [body["name"] for body in bodies(trace, FUNCTION) if body]
        equal(traced, before, f"{name}: function events")
        ok(any(line.endswith(": <stack trace>") for line in heads), "… and a stack trace")
        equal(callers[0], name, "… that begins with the function itself")
        ok(len(callers) > 2 and callers[1] != name, "… and goes on with its callers", callers)


def test_traceoff():
    text = session(f"echo {CALLED}:traceoff > set_ftrace_filter; echo depth_store:traceon:1 >> set_ftrace_filter; cat set_ftrace_filter\n" +
                   MARK + f"{CALL}; cat tracing_on; echo 0 > max_graph_depth; echo; cat tracing_on; {CALL}; echo 0 > max_graph_depth; echo\n"
                   "cat tracing_on set_ftrace_filter", "traceoff and traceon")
    equal(sorted(text[0].splitlines()), ["#### all functions enabled ####", "depth_store:traceon:count=1", f"{CALLED}:traceoff:unlimited"],
          "commands as Linux lists them")
    equal(text[1].split("\n")[:5], ["0", "", "1", "", "0"], "tracing goes off, on once, off again")
    contains(text[1], "depth_store:traceon:count=0\n", "… and the count is used up")


def test_pid():
    pid = writer()
    (text,) = session(f"echo {pid} > set_ftrace_pid; cat set_ftrace_pid; echo {CALLED} > set_ftrace_filter; echo function > current_tracer\n"
                      f"{CALL}; echo 2 > set_ftrace_pid; {CALL}; echo > set_ftrace_pid; cat set_ftrace_pid; {CALL}\n"
                      "echo nop > current_tracer; cat trace", "set_ftrace_pid")
    trace = parse(text[text.index("# tracer"):])
    equal(text.splitlines()[:2], [pid, "no pid"], "set_ftrace_pid says whom, or no pid")
    equal(len(bodies(trace, FUNCTION)), 2, "who writes is traced when it is listed, or nobody is", text)


def test_profile():
    on, off = session(f"echo 1 > function_profile_enabled; cat function_profile_enabled; {CALL}; {CALL}; {CALL}; ls trace_stat\n" +
                      MARK + "echo 0 > function_profile_enabled; cat function_profile_enabled trace_stat/function0", "the profiler",
                      smp=2)
    equal(on.split(), ["1", "function0", "function1"], "a file for each CPU")
    lines = off.splitlines()
    equal(lines[:3], ["0", "  Function                               Hit    Time            Avg             s^2",
                      "  --------                               ---    ----            ---             ---"],
          "trace_stat: Linux's head")
    time = r"((?=[\d.]{5,8} us)\d+\.\d{1,3}|\d{7,}) us +"
    rows = [re.fullmatch(rf"  (?P<name>\S{{1,30}}) +(?P<hits>\d+)    {time}    {time}    {time}", line) for line in lines[3:]]
    equal([line for line, row in zip(lines[3:], rows) if not row], [], "… a row a function")
    ok(len(rows) > 20, "… of all of them", len(rows))
    times = [float(row[3]) for row in rows]
    equal(times, sorted(times, reverse=True), "… in descending order of their time")
    ok((CALLED, "3") in [row.groups()[:2] for row in rows], "… with the hits of each", lines)
    wrong = [row.group() for row in rows if abs(float(row[3]) / int(row["hits"]) - float(row[4])) > max(0.01, float(row[4]) / 1000)]
    equal(wrong, [], "… and the average is the time by the hits")
    equal({row[5] for row in rows if row["hits"] == "1"}, {"0.000"}, "… one hit has no variance")


def test_profile_times():
    """With everything below, or of the function alone."""
    def called(text):
        return float(re.search(rf"^  {CALLED} +1 +([\d.]+) us", text, re.M)[1])
    all_of_it, alone = session(f"echo 1 > function_profile_enabled; {CALL}; echo 0 > function_profile_enabled; cat trace_stat/function0\n" +
                               MARK + f"echo 0 > options/graph-time; echo 1 > function_profile_enabled; {CALL}\n"
                               "echo 0 > function_profile_enabled; cat trace_stat/function0", "graph-time", icount=1)
    hits, total = re.search(r"^  ctl_parse_u64 +(\d+) +([\d.]+) us", all_of_it, re.M).groups()
    below = float(total) / int(hits)
    ok(called(all_of_it) > below > called(alone) > 0, "a function's time with and without what it calls",
       (called(all_of_it), below, called(alone)))


def test_everything_under_load():
    """All functions on all CPUs, by two consumers, while the kernel tests itself."""
    # But those that probe entries: a traced one is refused.
    suites = ("sched", "wake", "timeout", "smp", "static_key", "text_poke", "kmalloc", "vmem")
    for cpus, append in ((4, "test"), (4, "test chaos=3"), (2, "test debug")):
        script = (f"cd {TRACING}; echo function > current_tracer; echo 1 > function_profile_enabled\n" +
                  "".join(f"ktap {suite}\n" for suite in suites) +
                  "echo nop > current_tracer; echo 0 > function_profile_enabled; cat enabled_functions; cat recursion/dropped")
        result = run(script, smp=cpus, append=f"{append} stress={STRESS}", timeout=200 + 60 * STRESS)
        passed = re.findall(r"^ok 1 (\w+)$", result.stdout, re.M)
        equal((result.status, passed), (0, list(suites)), f"all functions traced, {cpus} CPUs, {append}", result.stdout[-3000:],
              result.stderr[-1000:])


def test_suites():
    """Consumers that come and go, and tracers that are switched, under load."""
    for cpus, append in ((1, "test"), (2, "test debug"), (4, "test chaos=1"), (4, "test debug")):
        result = run("ktap ftrace_ops; ktap ftrace_files", smp=cpus, append=f"{append} stress={STRESS}",
                     timeout=120 + 30 * STRESS)
        equal((result.status, result.stdout.count("\nok 1 ftrace_")), (0, 2), f"{cpus} CPUs, {append}: the kernel's own tests",
              result.stdout[-3000:], result.stderr[-1000:])


test_the_shapes_themselves()
test_suites()
test_filters()
test_several()
test_stack_traces()
test_traceoff()
test_pid()
test_profile()
test_profile_times()
test_everything_under_load()
done()
