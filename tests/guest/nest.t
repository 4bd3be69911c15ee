#!/usr/bin/python3
"""nest -f: the picture of the nesting as it comes, each trap once; what came too fast is counted. Its own looks hit a probe on sleep_ns()."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from nestling import TRACING, run
from tap import done, equal, ok

PLACE = r"(sleep_ns|stream_write)\+0x6/0x[0-9a-f]+"
COPY = r"0xffffffff[0-9a-f]{8}"
HIT = re.compile(rf" +1 \\ #BP hit at {PLACE}\n +1 / #BP returns to {COPY}\n +1 \\ #DB hit at {COPY}\n +1 / #DB returns to {PLACE}\n")
LOST = re.compile(r" +\.\.\. (\d+) records lost \.\.\.\n")
RUN = """\
timeout 0.3 nest -f; echo @; echo step > kprobes/technique; echo p:hit sleep_ns+5 >> kprobe_events; echo 1 > events/kprobes/hit/enable
nest -f | grep "#BP hit" | head -n 12 | wc -l; cat kprobe_profile; echo @
nest -f | head -n 8; echo @; cat nest_pipe | head -n 4; echo @
echo p:more stream_write+5 >> kprobe_events; echo 1 > events/kprobes/more/enable; nest -f | grep lost | head -n 1; echo @
echo 0 > events/kprobes/enable; echo > kprobe_events; echo auto > kprobes/technique; timeout 0.2 nest -f; echo @; nest -x; nest -f -f
"""

result = run(f"cd {TRACING}\n{RUN}", timeout=60)
nothing, counts, hits, file, lost, gone, refused = result.stdout.split("@\n")
equal(nothing, "", "interrupts alone aren't told")
told, profile = re.fullmatch(r" *(\d+)\n +hit +(\d+) +0\n", counts).groups()
ok(12 == int(told) <= int(profile), "each hit is told once", counts)
ok(HIT.sub("", hits) == "" and hits.count("\n") == 8, "… from its int3 to the end of its step; and its reader may go", hits)
ok(HIT.fullmatch(file), "the file nest_pipe is the same", file)
ok(LOST.fullmatch(lost) and int(LOST.fullmatch(lost)[1]) > 0, "what came too fast is counted", lost)
equal(gone, "", "what was before isn't told, nor anything when no more is hit")
equal(refused, "sh: nest: Invalid argument\nusage: nest [mark|-f]\n" * 2, "other words are refused")
done()
