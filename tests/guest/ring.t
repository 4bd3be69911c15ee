#!/usr/bin/python3
"""The trace buffer through its control files: sizes, full rings, each CPU's part, snapshots; in Linux's words."""

import os
import re
import sys

sys.dont_write_bytecode = True
from nestling import TRACING, run
from tap import contains, done, equal, ok
from tracetext import FUNCTION, bodies, header_like, misshapen, parse, sample

MARK = "echo --\n"
STATS = ("entries", "overrun", "commit overrun", "bytes", "oldest event ts", "now ts", "dropped events", "read events")
# Nothing else is traced, so what one command leaves behind is known.
TRACE = "echo 0 > tracing_on; echo {0} > set_ftrace_filter; echo function > current_tracer; echo > trace; echo 1 > tracing_on\n"
CALLS = "echo 10000 > rcu/stall_timeout\n" * 300  # two functions each
STOP = "echo 0 > tracing_on; echo nop > current_tracer\n"


def session(script, status, name, **options):
    result = run(f"cd {TRACING}\n{script}", **options)
    equal(result.status, status, f"{name}: status {status}", result.stdout[-2000:], result.stderr)
    return result.stdout.split("--\n")


def stats(text):
    """The file "stats", as strictly as the sample."""
    lines = text.splitlines()
    found = [re.fullmatch(r"([a-z ]+): (\d+| *\d+\.\d{6})", line) for line in lines]
    equal([m and m[1] for m in found], list(STATS), "stats: Linux's lines", text)
    return {m[1]: float(m[2]) for m in found if m}


def test_the_format():
    page, event = session("cat events/header_page\n" + MARK + "cat events/header_event", 0, "header_*")
    equal(page, sample("header_page"), "header_page is Linux's")
    equal(event, sample("header_event"), "header_event is Linux's")
    stats(sample("per_cpu-stats.txt"))


def test_sizes():
    first, total, small, each, mixed = session(
        "cat buffer_size_kb\n" + MARK + "cat buffer_total_size_kb\n" + MARK + "echo 64 > buffer_size_kb; cat buffer_size_kb\n" +
        MARK + "cat per_cpu/cpu0/buffer_size_kb per_cpu/cpu1/buffer_size_kb buffer_total_size_kb\n" + MARK +
        "echo 1 > per_cpu/cpu1/buffer_size_kb; cat buffer_size_kb per_cpu/cpu0/buffer_size_kb per_cpu/cpu1/buffer_size_kb",
        0, "sizes", smp=2)
    equal(int(total), 2 * int(first), "the total is that of two CPUs")
    equal(small, "64\n", "a size reads back")
    equal(each, "64\n64\n128\n", "… for each CPU")
    equal(mixed, "X\n64\n8\n", "one CPU's alone; two pages are the least; X is what Linux says of different ones")
    for word, why in (("", "Invalid argument"), ("0", "Invalid argument"), ("x", "Invalid argument"), ("-1", "Invalid argument"),
                      ("99999999", "Cannot allocate memory"), ("18446744073709551615", "Cannot allocate memory")):
        (text,) = session(f"echo '{word}' > buffer_size_kb; cat buffer_size_kb", 1, f"buffer_size_kb '{word}'")
        equal(text, f"sh: buffer_size_kb: write error: {why}\n{first}", "… is refused and changes nothing")


def test_resized_with_events_in_it():
    before, grown, shrunk, count = session(
        TRACE.format("'*parse_u64'") + CALLS + STOP + "cat trace\n" + MARK + "echo 1000 > buffer_size_kb; cat trace\n" + MARK +
        "echo 8 > buffer_size_kb; cat trace\n" + MARK + "cat per_cpu/cpu0/stats", 0, "resized")
    ok(parse(before).entries > 500, "events to be kept", parse(before).header[2])
    equal(grown, before, "a longer ring keeps them all")
    trace = parse(shrunk)
    equal(trace.lines, parse(before).lines[-trace.entries:], "a shorter one the newest")
    ok(145 < trace.entries < 295, "… as many as two pages hold", trace.entries)
    equal(trace.written, parse(before).written, "… and counts the others")
    numbers = stats(count)
    equal(numbers["entries"] + numbers["overrun"], trace.written, "… as overrun")
    ok(numbers["oldest event ts"] < numbers["now ts"] and numbers["bytes"] > 20 * numbers["entries"], "bytes and times", count)


def test_a_full_ring():
    over, count, full, kept = session(
        "cat options/overwrite; echo 8 > buffer_size_kb\n" + TRACE.format("'*parse_u64'") + CALLS + STOP + "cat trace\n" + MARK +
        "cat per_cpu/cpu0/stats\n" + MARK + "echo 0 > options/overwrite; cat options/overwrite\n" + TRACE.format("'*parse_u64'") +
        CALLS + STOP + "cat trace\n" + MARK + "cat per_cpu/cpu0/stats", 0, "full")
    equal((over[:2], full[:2]), ("1\n", "0\n"), "options/overwrite")
    trace, numbers = parse(over[2:]), stats(count)
    ok(trace.written > trace.entries, "overwrite: the oldest went", trace.header[2])
    equal((numbers["overrun"], numbers["dropped events"]), (trace.written - trace.entries, 0), "… counted as overrun")
    stopped, numbers = parse(full[2:]), stats(kept)
    equal(stopped.entries, stopped.written, "no overwrite: the first ones stay")
    equal((numbers["overrun"], numbers["dropped events"] > 0), (0, True), "… and the others are dropped")
    equal(misshapen(stopped, FUNCTION), [], "… all lines whole")
    for word in ("2", "x", ""):
        (text,) = session(f"echo '{word}' > options/overwrite; cat options/overwrite", 1, f"options/overwrite '{word}'")
        equal(text, "sh: options/overwrite: write error: Invalid argument\n1\n", "… is refused")


def test_each_cpu():
    both, zero, one, emptied = session(
        TRACE.format("schedule* timer_*") + "cd\n" * 20 + STOP + "cat trace\n" + MARK + "cat per_cpu/cpu0/trace\n" + MARK +
        "cat per_cpu/cpu1/trace\n" + MARK + "echo > per_cpu/cpu0/trace; cat trace; ls per_cpu", 0, "per_cpu", smp=2)
    parts = [parse(text) for text in (both, zero, one)]
    equal(parts[1].entries + parts[2].entries, parts[0].entries, "the CPUs' parts make the whole")
    equal(sorted(parts[1].lines + parts[2].lines), sorted(parts[0].lines), "… line by line")
    ok(all("[000]" in line for line in parts[1].lines) and all("[001]" in line for line in parts[2].lines), "… each has its own")
    equal(emptied.splitlines()[-2:], ["cpu0/", "cpu1/"], "a folder for each CPU")
    equal(parse(emptied.removesuffix("cpu0/\ncpu1/\n")).lines, parts[2].lines, "one CPU's part is emptied alone")


def test_snapshot():
    none, taken, live, again, emptied, freed = session(
        "cat snapshot\n" + MARK + TRACE.format("strcmp") + "cd\n" + "echo 0 > tracing_on; echo 1 > snapshot\ncat snapshot\n" + MARK +
        "cat trace\n" + MARK + "echo 1 > snapshot; cat trace\n" + MARK + "echo 2 > snapshot; cat snapshot\n" + MARK +
        "echo 0 > snapshot; cat snapshot", 0, "snapshot")
    contains(none, "# * Snapshot is freed *\n", "no snapshot: it says so, and how to get one")
    trace = parse(taken)
    equal({body and body["name"] for body in bodies(trace, FUNCTION)}, {"strcmp"}, "a snapshot is what was there")
    equal(live.splitlines(), header_like("function", 0, 0), "… and that goes on empty")
    equal(again.splitlines(), header_like("function", 0, 0), "another one: emptied first")
    contains(emptied, "# * Snapshot is allocated *\n", "2 empties it")
    equal(freed.replace("function", "nop"), none, "0 frees it")
    for word in ("x", "", "-1"):
        (text,) = session(f"echo '{word}' > snapshot", 1, f"snapshot '{word}'")
        equal(text, "sh: snapshot: write error: Invalid argument\n", "… is refused")


def test_without_cmpxchg16b():
    result = run("echo alive", qemu_extra="-cpu max,-cx16")
    equal((result.status, "alive" in result.stdout), (2, False), "a CPU without cmpxchg16b: the kernel doesn't come up")
    contains(result.stdout, "panic: boot: this CPU has no cmpxchg16b", "… and says why")


def test_nothing_is_lost_count_of():
    """4 CPUs, all contexts, seeds of unwelcome events; the suite itself counts what was written and looks at what is read."""
    stress = int(os.environ.get("STRESS") or 1)
    first = int(os.environ.get("SEED") or 1)
    seeds = range(first, first + (20 if stress > 1 else 1))
    written = 0
    for seed in seeds:
        result = run("ktap ring", smp=4, append=f"test chaos={seed} stress={max(1, stress * 3 // 4)}", timeout=60 + 6 * stress)
        equal(result.status, 0, f"ktap ring, 4 CPUs, chaos={seed}", result.stdout[-2000:], result.stderr[-1000:])
        for line in re.findall(r"^ring: .* NMIs; ", result.log, re.M):
            written += sum(map(int, re.findall(r"\d+", line)))
    ok(written >= (10000000 if stress >= 40 else 10000), f"events written: {written}")


test_the_format()
test_nothing_is_lost_count_of()
test_sizes()
test_resized_with_events_in_it()
test_a_full_ring()
test_each_cpu()
test_snapshot()
test_without_cmpxchg16b()
done()
