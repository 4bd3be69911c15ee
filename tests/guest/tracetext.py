"""The text of the file `trace`, taken apart as strictly as the samples from Linux allow."""

import collections
import os
import re

from nestling import ROOT

ENTRY = re.compile(r"(?P<task>(?= *\S+-\d)[ \S]{16})-(?P<pid>(?=\d+ *\[)[\d ]{7}) \[(?P<cpu>\d{3})\]"
                   r" (?P<flags>[d.][N.][hsHzZ.][1-9a-f.][1-9a-f.]) (?P<time>(?= *\d+\.)[\d ]{5}\.\d{6}): (?P<body>\S.*)")
NAME = r"[A-Za-z_][\w.]*"
FUNCTION = re.compile(rf"(?P<name>{NAME}) <-(?P<parent>{NAME})")
PROBE = re.compile(rf"(?P<event>{NAME}): \((?P<symbol>{NAME})\+0x(?P<offset>[0-9a-f]+)/0x(?P<size>[0-9a-f]+)\)")
COUNTS = re.compile(r"# entries-in-buffer/entries-written: (\d+)/(\d+)   #P:(\d+)")

Trace = collections.namedtuple("Trace", "tracer header entries written lines")


def sample(name):
    """What Linux 6.1 printed."""
    with open(os.path.join(ROOT, "tests/samples", name), encoding="ascii") as file:
        return file.read()


def parse(text):
    lines = text.splitlines()
    header = [line for line in lines if line.startswith("#")]
    counts = next((found for line in header if (found := COUNTS.fullmatch(line))), None)
    return Trace(header[0].removeprefix("# tracer: ") if header else None, header, int(counts[1]) if counts else None,
                 int(counts[2]) if counts else None, lines[len(header):])


def header_like(tracer, entries, written):
    """Linux's header with other numbers in it."""
    lines = sample("trace-empty.txt").splitlines()
    lines[0] = f"# tracer: {tracer}"
    lines[2] = f"# entries-in-buffer/entries-written: {entries}/{written}   #P:1"
    return lines


def bodies(trace, shape):
    """What each line says, by @shape; None for a line that isn't quite of Linux's shape."""
    found = []
    for line in trace.lines:
        entry = ENTRY.fullmatch(line)
        found.append(entry and shape.fullmatch(entry["body"]))
    return found


def misshapen(trace, shape):
    return [line for line, body in zip(trace.lines, bodies(trace, shape)) if not body]
