#!/usr/bin/python3
"""The files around the trace buffer: what Linux's say, to the character, and what is read once is gone."""

import os
import re
import sys

sys.dont_write_bytecode = True
import pexpect
from nestling import ROOT, TRACING, environment, run, scaled
from tap import contains, done, equal, ok
from tracetext import ENTRY, FUNCTION, NAME, misshapen, parse, sample

MARK = "echo --\n"
MARKER = re.compile(r"tracing_mark_write: (?P<text>.*)")
LOST = re.compile(r"CPU:(?P<cpu>\d+) \[LOST (?P<lost>\d+) EVENTS\]")
BEGUN = re.compile(r"##### CPU (\d+) buffer started ####")
ON = "echo 0 > tracing_on; echo {0} > set_ftrace_filter; echo function > current_tracer; echo > trace; echo 1 > tracing_on\n"
OFF = "echo 0 > tracing_on; echo nop > current_tracer\n"
INVALID = "sh: {}: write error: Invalid argument\n"


def session(script, status, name, **options):
    result = run(f"cd {TRACING}\n{script}", **options)
    equal(result.status, status, f"{name}: status {status}", result.stdout[-2000:], result.stderr)
    return re.split("^--\n", result.stdout, flags=re.M)


def test_markers():
    first, second, third = session(
        "echo hello > trace_marker; echo -n 'no newline' > trace_marker; > trace_marker; cat trace\n" + MARK +
        "echo nomarkers > trace_options; echo no > trace_marker; echo markers > trace_options; echo 0 > tracing_on\n"
        "echo no > trace_marker; cat trace_marker\n" + MARK +
        "echo 1 > tracing_on; echo > trace; echo " + "x" * 1500 + " > trace_marker; cat trace", 1, "trace_marker")
    trace = parse(first)
    equal(misshapen(trace, MARKER), [], "a marker's line is Linux's")
    equal([line.split(": ", 2)[2] for line in trace.lines], ["hello", "no newline"], "… and says what was written")
    equal(second, INVALID.format("trace_marker") + "sh: trace_marker: write error: Bad file descriptor\n"
          "sh: trace_marker: Permission denied\n", "refused without the option, or while recording is off")
    equal([len(line.split(": ", 2)[2]) for line in parse(third).lines], [1024, 476], "a long text is several, as on Linux")


def test_options():
    known = sample("filters-empty.txt").splitlines()
    known = {word.removeprefix("no") for word in known[known.index("print-parent"):-2]}
    listed, folder, traced, one, refused = session(
        "cat trace_options\n" + MARK + "ls options\n" + MARK + "echo function > current_tracer; cat trace_options; echo nop > current_tracer\n" +
        MARK + "echo sym-addr > trace_options; cat options/sym-addr; echo nosym-addr > trace_options; cat options/sym-addr\n"
        "echo 1 > options/verbose; cat trace_options\n" + MARK +
        "echo nosuch > trace_options; echo nonosuch > trace_options; echo no > trace_options; echo 'raw hex' > trace_options\n"
        "echo func_stack_trace > trace_options; echo 2 > options/raw; cat options/raw", 1, "options")
    words = listed.splitlines()
    names = [word if word in known else word.removeprefix("no") for word in words]
    equal(sorted(set(names) - known), [], "trace_options: Linux's words")
    ok({"print-parent", "sym-offset", "irq-info", "overwrite", "markers", "annotate"} <= set(names), "… those that mean something")
    own = set(folder.split()) - set(names)
    ok("func_stack_trace" in own and own <= {"func_stack_trace", "sleep-time", "graph-time"} | {name for name in own if name.startswith("funcgraph-")},
       "options/: a file for each, and for each tracer's own", own)
    ok("nofunc_stack_trace" in traced.splitlines() and "nograph-time" not in traced, "… which trace_options has while it is current")
    equal((one.splitlines()[:2], "verbose" in one.splitlines()), (["1", "0"], True), "set and cleared by word and by file")
    equal(refused, INVALID.format("trace_options") * 5 + INVALID.format("options/raw") + "0\n", "what isn't one is refused")


def test_shapes():
    pieces = session(
        ON.format("sys_trace_open") + "cat tracing_on\n" + OFF + "cat trace\n" + MARK + "echo noirq-info > trace_options; cat trace; echo irq-info > trace_options\n" +
        MARK + "echo noprint-parent > trace_options; echo sym-offset > trace_options; cat trace\n" + MARK +
        "echo sym-addr > trace_options; cat trace; echo nosym-addr > trace_options; echo nosym-offset > trace_options\n" + MARK +
        "echo nocontext-info > trace_options; cat trace; echo context-info > trace_options\n" + MARK +
        "echo raw > trace_options; cat trace; echo noraw > trace_options\n" + MARK +
        "echo latency-format > trace_options; cat trace\n" + MARK + "echo verbose > trace_options; cat trace", 0, "shapes")
    first = parse(pieces[0].removeprefix("1\n"))
    equal(misshapen(first, FUNCTION), [], "the usual line")
    usual = first.lines[0]
    tid = int(re.search(r"tracefs-(\d+) ", usual)[1])
    task, flags, rest = usual[:31], usual[31:36], usual[36:]
    plain = parse(pieces[1])
    equal(plain.header[-2:], ["#           TASK-PID     CPU#     TIMESTAMP  FUNCTION", "#              | |         |         |         |"],
          "noirq-info: Linux's header without the column")
    equal(plain.lines[0], task + rest, "… and the line without it")
    ok(re.fullmatch(r"[d.][N.][hzZ.][1-9a-f.]\.", flags), "… which is what it was", flags)
    body = usual.split(": ", 1)[1].split(" <-")[0]
    ok(re.search(rf": {body}\+0x0/0x[0-9a-f]+$", parse(pieces[2]).lines[0]), "noprint-parent, sym-offset", pieces[2])
    ok(re.search(rf": {body}\+0x0/0x[0-9a-f]+ <[0-9a-f]{{16}}>$", parse(pieces[3]).lines[0]), "sym-addr", pieces[3])
    equal(pieces[4].splitlines(), ["# tracer: nop", "#", body], "nocontext-info: only what happened")
    ok(re.fullmatch(rf"{tid} 0 \d+ [0-9a-f]{{16}} [0-9a-f]{{16}}", parse(pieces[5]).lines[0]), "raw: numbers", pieces[5])
    latency = pieces[6].splitlines()
    equal(latency[2], "# nop latency trace v1.1.5 on nestling", "latency-format: the head")
    ok(re.fullmatch(r"# latency: \d+ us, #1/1, CPU#0 \| \(M:preempt VP:0, KP:0, SP:0 HP:0 #P:1\)", latency[4]), "… counts", latency[4])
    contains(pieces[6], "#  cmd     pid     |||||| time  |   caller     \n#     \\   /        ||||||  \\    |    /       \n", "… columns")
    ok(re.fullmatch(rf" tracefs-{tid:<7}   0[d.][N.][hzZ.][1-9a-f.]\. {{4}}0us : {body}", latency[-1]), "… the line", latency[-1])
    ok(re.fullmatch(rf"{'tracefs':>16} {tid:7}   0 \d+ 0000000\d 00000001 \[[0-9a-f]{{8}}\] 0\.000ms \(\+0\.000ms\): {body}", pieces[7].splitlines()[-1]),
       "… verbose", pieces[7])


def test_lost_and_annotated():
    stats, pipe, rest = session(
        "echo 8 > buffer_size_kb\n" + ON.format("'sys_*'") + "cd\n" * 300 + OFF + "cat per_cpu/cpu0/stats\n" + MARK + "cat trace_pipe\n" +
        MARK + "echo 1 > tracing_on; timeout 0.01 cat trace_pipe; cat trace per_cpu/cpu0/stats", 0, "a full ring read")
    equal([line for line in sample("trace_pipe-lost.txt").splitlines() if not (LOST.fullmatch(line) or ENTRY.fullmatch(line))], [],
          "Linux's own lines have the shape we ask for")
    overrun = int(re.search(r"^overrun: (\d+)$", stats, re.M)[1])
    lines = pipe.splitlines()
    lost = LOST.fullmatch(lines[0])
    equal((lost and lost["cpu"], lost and int(lost["lost"])), ("0", overrun), "trace_pipe: what was lost comes first", lines[0])
    equal([line for line in lines[1:] if not ENTRY.fullmatch(line)], [], "… once, and no header")
    equal((parse(rest.split("entries: ", 1)[0]).lines, f"read events: {len(lines) - 1}\n" in rest), ([], True), "… what was read is gone")
    noted, not_noted = session(
        "echo 8 > buffer_size_kb\n" + ON.format("schedule* timer_* sys_*") + "cd\n" * 300 + OFF + "cat trace\n" + MARK +
        "echo noannotate > trace_options; cat trace", 0, "annotate", smp=2)
    begun = [line for line in noted.splitlines() if line.startswith("##### ")]
    trace = [line for line in noted.splitlines() if ENTRY.fullmatch(line)]
    cpus = sorted({line.split("[")[1][:3] for line in trace})
    first = trace[0].split("[")[1][:3]
    equal([BEGUN.fullmatch(line)[1] for line in begun], [str(int(cpu)) for cpu in cpus if cpu != first],
          "where a ring was full, it is said where the other CPU begins", noted[:2000])
    ok("#####" not in not_noted, "… unless that isn't wanted")


def test_pipes():
    pieces = session(
        "echo one > trace_marker; echo two > trace_marker; echo three > trace_marker; head -n 1 trace_pipe\n" + MARK +
        "echo > trace; echo two > trace_marker; head -n 1 trace_pipe; echo three > trace_marker; cat trace\n" +
        MARK + "echo 0 > tracing_on; cat trace_pipe\n" + MARK + "timeout 0.05 cat trace_pipe; echo 1 > tracing_on; timeout 0.05 cat trace_pipe\n" + MARK +
        "echo four > trace_marker; timeout 0.05 cat per_cpu/cpu0/trace_pipe per_cpu/cpu1/trace_pipe\n" + MARK + "head -n 2 README; head -n 0 README; head trace_options", 0,
        "trace_pipe", smp=2)
    said = [[line.split(": ", 2)[2] for line in text.splitlines() if ENTRY.fullmatch(line)] for text in pieces]
    equal(said[0], ["one"], "head prints one event; what it has read ahead is gone, as on Linux")
    equal((said[1], parse(pieces[1].split("\n", 1)[1]).entries), (["two", "three"], 1), "… what was read isn't in trace, and what wasn't is")
    equal(said[2], ["three"], "with recording off what is there is read, and then it ends")
    equal(pieces[3], "", "with nothing to read it waits, on or off; timeout ends it")
    equal(said[4], ["four"], "one CPU's has that CPU's, or the other's")
    equal(len(pieces[5].splitlines()), 12, "head of other files")
    refused = session("timeout x cat trace; timeout 1; timeout 1 nosuch; head; head -n x trace; head -n 1 nosuch; timeout 1 cat nosuch", 1, "head and timeout")
    equal(refused[0], "sh: timeout: Invalid argument\nusage: timeout SECONDS COMMAND...\n" * 2 + "sh: nosuch: command not found\n" +
          "sh: head: Invalid argument\nusage: head [-n N] PATH\n" * 2 +
          "sh: nosuch: No such file or directory\n" * 2, "what they refuse")


def test_interrupted():
    """By ^C, where a person sits."""
    shell = pexpect.spawn(os.path.join(ROOT, "tools/run"), env=environment(), cwd=ROOT, timeout=scaled(30), encoding="utf-8",
                          dimensions=(24, 80))
    prompt = f"nestling:{TRACING}# "

    def expect(text, name):
        return ok(shell.expect_exact([text, pexpect.EOF, pexpect.TIMEOUT]) == 0, name, shell.before)

    expect(prompt, "^C: a prompt")
    shell.send("echo first > trace_marker\r")
    expect(prompt, "… something to read")
    shell.send("cat trace_pipe; echo not reached\r")
    expect("tracing_mark_write: first", "… trace_pipe shows it, and waits")
    shell.send("\x03")
    expect("^C", "… ^C ends it")
    ok("not reached" not in shell.before, "… and what was to follow")
    expect(prompt, "… and there is a prompt")
    shell.send("echo alive\r")
    expect("alive\r\n", "… at which one can type")
    expect("alive\r\n", "… and is answered")
    expect(prompt, "… as ever")
    shell.send("echo dropped\x03")
    expect("^C", "there ^C is a key again")
    shell.send("poweroff\r")
    shell.expect([pexpect.EOF, pexpect.TIMEOUT])
    shell.close()
    equal(shell.exitstatus, 1, "a command was interrupted: status 1")


def test_clocks():
    shown, counter, stats, tsc, refused = session(
        "cat trace_clock; echo one > trace_marker; echo global > trace_clock; cat trace_clock trace; echo two > trace_marker; cat trace\n" + MARK +
        "echo counter > trace_clock; echo a > trace_marker; echo b > trace_marker; cat trace\n" + MARK + "cat per_cpu/cpu0/stats\n" + MARK +
        "echo x86-tsc > trace_clock; cat trace_clock; echo c > trace_marker; cat trace\n" + MARK +
        "echo nosuch > trace_clock; echo > trace_clock; cat trace_clock", 1, "trace_clock")
    lines = shown.splitlines()
    equal(lines[:2], ["[local] global counter x86-tsc", "local [global] counter x86-tsc"], "trace_clock")
    equal([line.split(": ", 2)[2] for line in lines if ENTRY.fullmatch(line)], ["two"], "another clock empties the buffer")
    numbers = [re.fullmatch(r" {9}tracefs-[\d ]{8}\[000\] .{5} +(\d+): tracing_mark_write: [ab]", line) for line in parse(counter).lines]
    ok(all(numbers) and [len(line[0]) for line in numbers] == [len(numbers[0][0])] * 2, "counter: a number in the place of the time", counter)
    equal(int(numbers[1][1]) - int(numbers[0][1]), 1, "… for each event")
    ok(re.search(r"^oldest event ts: \d+\nnow ts: \d+$", stats, re.M), "… also in stats", stats)
    ok(re.search(r"\[000\] .{5} +\d{6,}: tracing_mark_write: c\n", tsc), "x86-tsc: cycles", tsc)
    equal(refused, INVALID.format("trace_clock") * 2 + "local global counter [x86-tsc]\n", "others are refused")


def test_small_ones():
    mask, limited, freed, folder, names, readme = session(
        "cat tracing_cpumask; echo 1 > tracing_cpumask; cat tracing_cpumask; echo 10 > tracing_cpumask; echo x > tracing_cpumask; cat tracing_cpumask\n" +
        MARK + "echo first > trace_marker; echo 2 > tracing_cpumask; echo second > trace_marker; cat trace\n" + MARK +
        "echo 1 > free_buffer; cat buffer_size_kb tracing_on; echo 1 > tracing_on; echo 1 > options/disable_on_free; echo > free_buffer; cat tracing_on\n" + MARK +
        "ls per_cpu/cpu0\n" + MARK + "cat saved_cmdlines\n" + MARK + "cat README", 1, "small ones", smp=2)
    equal(mask, "3\n1\nsh: tracing_cpumask: write error: Value too large for defined data type\n" + INVALID.format("tracing_cpumask") + "1\n",
          "tracing_cpumask")
    equal((parse(limited).entries, limited.count("Bad file descriptor")), (1, 1), "… where the shell isn't, it can't write", limited)
    equal(freed, "8\n1\n0\n", "free_buffer: the least, and with disable_on_free recording is off")
    equal(folder.split(), ["buffer_size_kb", "stats", "trace", "trace_pipe"], "a CPU's folder")
    ok(all(re.fullmatch(r"\d+ \S+", line) for line in names.splitlines()) and re.search(r"^\d+ tracefs$", names, re.M), "saved_cmdlines", names)
    result = run(f"cd {TRACING}; ls")
    missing = [name for name in result.stdout.split() if name.rstrip("/") not in readme and not name.startswith("README")]
    equal(missing, [], "README has the files")


test_markers()
test_options()
test_shapes()
test_lost_and_annotated()
test_pipes()
test_interrupted()
test_clocks()
test_small_ones()
done()
