#!/usr/bin/python3
"""A scene leaves things as it has found them: what it changes and somebody had set is set aside, and put back, however the scene ends."""

import re
import sys

sys.dont_write_bytecode = True
from nestling import run
from tap import contains, done, equal, ok
from tourtext import check_health, scenes

# Everything that a scene may change, otherwise than at boot; and probes that a bust takes out.
PRESET = """echo p:mine/hidden do_debug >> kprobe_events
echo p:mine/file tracing_on_show+5 >> kprobe_events
echo kind > recursion/policy
echo before > recursion/flag_at
echo int3 > kprobes/technique
echo 1 > kprobes/unsafe
echo 1 > events/mine/file/enable
echo 1 > events/irq/enable
echo strcmp vsnprintf > set_ftrace_filter
echo function > current_tracer
echo tracing_on_show > recursion/consumer
echo 1 > rcu/check
echo 0 > tracing_on
""".replace("echo p:mine/hidden", "echo 1 > kprobes/unsafe\necho p:mine/hidden", 1)
FILES = ("kprobes/unsafe", "kprobes/technique", "recursion/flag_at", "recursion/policy", "recursion/consumer", "rcu/check",
         "set_ftrace_filter", "current_tracer", "set_event", "tracing_on", "kprobe_events")
STATE = "".join(f"echo = {file}\ncat {file}\n" for file in FILES) + "echo = list\ncat kprobes/list | sort\necho = events\nls events\necho =.\n"


def states(text):
    """Each state that was printed, without what only counts."""
    found = re.findall(rf"^= {FILES[0]}\n.*?^=\.$", text, re.M | re.S)
    return [re.sub(r"^(calls|deepest) \d+\n|: \d+ reports|^0x[0-9a-f]+|^[0-9a-f]{16}", "", state, flags=re.M) for state in found]


def test_put_back():
    result = run(PRESET + STATE + "".join(f"echo -- {n}\ntour {n}\n{STATE}" for n in (1, 2, 4, 7)) + "tour all\n" + STATE + "echo alive")
    equal((result.status, result.stdout[-6:]), (0, "alive\n"), "scenes play where everything is set otherwise", result.stdout[-2000:], result.stderr)
    before, *after = states(result.stdout)
    contains(before, "\n= recursion/policy\nnone flag [kind] context stack\n", "it is set otherwise")
    contains(before, "\n= set_event\nirq:irq_handler_entry\nirq:irq_handler_exit\nmine:file\n", "… events are on")
    for what, state in zip(("scene 1", "scene 2", "scene 4", "scene 7", "tour all"), after):
        equal(state, before, f"{what}: … and afterwards it is as before")
    one = result.stdout[result.stdout.index("-- 4\n"):result.stdout.index("-- 7\n")]
    aside, back = (re.findall(rf"^\((\S+) is {word}(?:: (\S*))?\)$", one, re.M) for word in ("set aside", "put back"))
    equal(sorted(aside), sorted(back), "what is put back is what was set aside")
    equal([name for name, _ in back], [file for file in FILES[:-1]], "… which is all of it, in the order that it is put back in")
    ok(("recursion/policy", "kind") in aside and ("current_tracer", "function") in aside, "… and what it was is told", aside)
    for scene in scenes(result.stdout):
        number = scene.split(":")[0]
        if "\n# cat health\n" in scene:
            check_health(scene, f"set otherwise, scene {number}")


def test_interrupted(smp, preset):
    """Virtual time runs with instructions: it ends somewhere else in the scene each time, whatever the host does."""
    rounds = [(n, ms) for n in (1, 4, 7, 8, 9, 10) for ms in range(3, 40, 9)]
    script = "".join(f"timeout 0.{ms:03d} tour {n}\n{STATE}" for n, ms in rounds)
    result = run(preset + STATE + script + "echo alive", smp=smp, icount=None if smp > 1 else 1)
    how = f"{smp} CPU(s), {'all set otherwise' if preset else 'as at boot'}"
    ok(result.stdout.endswith("alive\n"), f"{how}: scenes end when their time is up, and the shell goes on", result.stdout[-2000:])
    equal(result.status, 0, f"{how}: … without a failure", result.stderr)
    before, *after = states(result.stdout)
    equal([which for which, state in zip(rounds, after) if state != before], [], f"{how}: … nothing of them is left", before)
    equal(len(after), len(rounds), f"{how}: … of none")
    if smp == 1:
        ok(result.stdout.count(" was interrupted. ===\n") >= 6, f"{how}: … as some were ended in their middle", result.stdout.count("interrupted"))
    ok("did not go as it should" not in result.stdout and not re.search(r"^\(\S+ can't be", result.stdout, re.M), f"{how}: … and none says that it went wrong")


def test_long_lists():
    """More names than one write takes."""
    many = "cat set_ftrace_filter | wc; cat set_event | wc\n"
    result = run(f"echo '*s*' > set_ftrace_filter; echo 1 > events/enable; echo 0 > tracing_on\n{many}tour 8\n{many}echo alive")
    equal(result.status, 0, "a long filter, and all events", result.stdout[-1500:], result.stderr)
    counts = re.findall(r"^ *(\d+) +\d+ +(\d+)$", result.stdout, re.M)
    ok(len(counts) == 4 and int(counts[0][1]) > 3 * 4096, "… are too much for one write", counts)
    equal(counts[2:], counts[:2], "… and are put back whole")


def test_graph_leaves_no_trace():
    """What scenes 1 and 7 say to try next: text at rest doesn't tell whether function_graph has run."""
    result = run("echo 1 > health; echo twin_step > set_ftrace_filter; echo function_graph > current_tracer; echo exposed > rcu/twin; cat trace\n"
                 "echo nop > current_tracer; echo > set_ftrace_filter; cat health")
    equal(result.status, 0, "after function_graph all is the same", result.stdout, result.stderr)
    contains(result.stdout, "|  twin_step();\n", "… and it has traced")


def test_what_is_in_the_way():
    result = run("echo flag > recursion/policy; echo p:tour/rcu tracing_on_show+5 >> kprobe_events\ntour 4; tour all; cat kprobe_events recursion/policy\n"
                 "echo -:tour/rcu >> kprobe_events; tour 8; cat recursion/policy")
    equal(result.status, 1, "a probe of the scenes' group is in the way", result.stderr)
    equal(result.stdout.count("\nsh: tour: Device or resource busy\n"), 2, "… no scene is played", result.stdout)
    contains(result.stdout, "busy\np:tour/rcu tracing_on_show+5\nnone [flag] kind context stack\n", "… and nothing is changed")
    ok("=== Scene 4" not in result.stdout and "=== Scene 8" in result.stdout, "… until it is removed", result.stdout)
    result = run("echo stack > recursion/policy; echo 1 > test/wx; tour 10; tour 1; cat recursion/policy; ls events; echo 0 > test/wx; tour 10",
                 append="test")
    equal(result.status, 1, "text that can be written: scene 10 fails", result.stderr)
    contains(result.stdout, "\nsh: wx: Input/output error\n\n=== Scene 10 did not go as it should. ===\n(recursion/policy is put back: stack)\n",
             "… says so, and puts back what it has set aside")
    ok(result.stdout.count("did not go as it should") == 1 and "\ntour/\n" not in result.stdout, "… and is the only one, and leaves no probe")


def test_debug():
    """The checks of RCU's use are on then; they are scene 1's subject, which switches them on and off."""
    result = run("cat rcu/check; tour all; cat rcu/check; echo alive", append="debug")
    equal((result.status, result.stdout[-6:]), (0, "alive\n"), "debug: all scenes play", result.stdout[-1500:], result.stderr)
    equal(re.findall(r"^([01]): \d+ reports$", result.stdout, re.M), ["1", "1"], "debug: … and RCU's use is checked afterwards, as before")


test_put_back()
test_interrupted(1, PRESET)
test_interrupted(2, "")
test_long_lists()
test_graph_leaves_no_trace()
test_what_is_in_the_way()
test_debug()
done()
