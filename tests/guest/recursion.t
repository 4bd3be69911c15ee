#!/usr/bin/python3
"""The folder recursion/, as a user has it: policies, what each drops of a known number, and scene 3, with what it leaves behind."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap

POLICIES = ("none", "flag", "kind", "context", "stack")
CALLS = 5
RECOVERIES = 3 * int(os.environ.get("STRESS", "1"))


def parts(text):
    """What stands between lines of @NAME, by name."""
    found = re.split(r"^@(\S+)\n", text, flags=re.M)
    return dict(zip(found[1::2], found[2::2]))


def policy_script():
    lines = [f"cd {nestling.TRACING}", "echo @before", "cat recursion/policy"]
    for policy in POLICIES[1:]:
        lines += [f"echo {policy} > recursion/policy", f"echo @{policy}", "cat recursion/policy",
                  "echo tracing_on_show > recursion/consumer", "cat recursion/dropped"]
        lines += ["cat tracing_on"] * CALLS
        lines += ["cat recursion/dropped", "cat recursion/consumer", "echo > recursion/consumer"]
    for word in ("nonsense", "''", "'flag kind'", "Flag", "'[flag]'"):
        lines += [f"echo @bad-{len(lines)}", f"echo {word} > recursion/policy", "cat recursion/policy"]
    lines += ["echo @nobody", "echo no_such_function > recursion/consumer", "cat recursion/consumer",
              "echo context > recursion/policy", "echo @after", "cat recursion/policy"]
    return "\n".join(lines) + "\n"


def test_policies():
    result = nestling.run(policy_script(), smp=1, timeout=60)
    said = parts(result.stdout)
    tap.equal(said["before"], "none flag kind [context] stack\n", "the policy is by context at first")
    for policy in POLICIES[1:]:
        lines = said[policy].splitlines()
        tap.equal(lines[0], " ".join(f"[{p}]" if p == policy else p for p in POLICIES), f"{policy}: it is shown in brackets")
        dropped = [int(line.split()[1]) for line in lines if line.startswith("function ")]
        tap.equal(dropped[1] - dropped[0], CALLS, f"{policy}: {CALLS} calls drop {CALLS}", said[policy])
        tap.contains(said[policy], f"tracing_on_show\ncalls {CALLS}\ndeepest 1\n", f"{policy}: and none comes to the second level")
    bad = [text for name, text in said.items() if name.startswith("bad-")]
    tap.ok(len(bad) == 5 and all("none flag kind context [stack]\n" in text for text in bad), "other words change nothing", *bad)
    tap.equal(result.stdout.count("sh: recursion/policy: write error: Invalid argument"), 5, "and are refused", result.stdout[-1500:])
    tap.contains(said["nobody"], "none\ncalls", "neither does a function that isn't there")
    tap.equal(said["after"], said["before"], "and it can be as it was")


def recovery_script():
    lines = [f"cd {nestling.TRACING}"]
    for n in range(RECOVERIES):
        lines += [f"echo @{n}", "echo tracing_on_show > recursion/consumer", "echo 1 > health", "nest mark",
                  "echo none > recursion/policy", "cat tracing_on", "nest", "cat recursion/recovered", "cat recursion/consumer",
                  "cat tracing_on", "cat recursion/consumer", "echo context > recursion/policy", "cat health",
                  "echo > recursion/consumer", "cat recursion/recovered"]
    lines += ["echo @trace", "echo 'tracefs_*' > set_ftrace_filter", "echo function > current_tracer", "cat tracing_on",
              "echo nop > current_tracer", "head -n 40 trace"]
    return "\n".join(lines) + "\n"


def test_recoveries(cpus):
    result = nestling.run(recovery_script(), smp=cpus, timeout=60)
    said = parts(result.stdout)
    tap.equal(result.status, 0, f"{cpus} CPUs: {RECOVERIES} recursions of a callback", result.stdout[-2000:], result.log[-2000:])
    wrong = []
    for n in range(RECOVERIES):
        text = said.get(str(n), "")
        recovered = [int(count) for count in re.findall(r"^recovered (\d+)$", text, re.M)]
        depth = re.search(r"^function recursion_callback\ndepth (\d+)\nstack (\d+)\noff 1$", text, re.M)
        counts = re.findall(r"^calls (\d+)\ndeepest (\d+)$", text, re.M)
        fine = (recovered == [n + 1, n + 1] and depth and int(depth[1]) > 20 and int(depth[2]) > 8192 and
                len(counts) == 2 and counts[0] == counts[1] and int(counts[0][1]) in (int(depth[1]), int(depth[1]) - 1) and
                len(re.findall(r"^1$", text, re.M)) == 2 and "#DF resumes at " in text and
                "DIFFERENT" not in text and len(re.findall(r" (same|has idled|processes run)$", text, re.M)) == 13)
        if not fine:
            wrong.append(text)
    tap.ok(not wrong, f"{cpus} CPUs: each is given up, told, and leaves everything as it was", *wrong[:1])
    tap.equal(result.log.count("calls of recursion_callback inside each other"), RECOVERIES, "and is in the log")
    tap.ok("tracefs_" in said.get("trace", ""), "the function tracer goes on afterwards", said.get("trace"))


FLAG_AT = """\
echo 1 > health; echo step > kprobes/technique; echo p:first tracing_on_show+5 > kprobe_events; echo 1 > kprobes/unsafe
echo p:rcu rcu_nmi_enter >> kprobe_events; echo flag > recursion/policy; echo {where} > recursion/flag_at; cat recursion/flag_at
echo 1 > events/kprobes/rcu/enable; echo 1 > events/kprobes/first/enable; nest mark; cat tracing_on; nest; cat kprobe_profile
echo 0 > events/kprobes/first/enable; echo 0 > events/kprobes/rcu/enable; echo > kprobe_events; echo 0 > kprobes/unsafe
echo after > recursion/flag_at; echo context > recursion/policy; echo auto > kprobes/technique; cat health
"""


def test_flag_at():
    result = nestling.run(f"cd {nestling.TRACING}\n" + "".join(f"echo @{w}\n" + FLAG_AT.format(where=w) for w in ("before", "after")),
                          smp=1, timeout=60)
    said = parts(result.stdout)
    tap.equal(result.status, 0, "the flag, asked before and after RCU is told", result.stdout[-2000:], result.log[-1000:])
    tap.contains(said["before"], "[before] after\n", "before: it is shown")
    depths = [int(n) for n in re.findall(r"^ +(\d+) [\\| ]*\\ #", said["before"], re.M)]
    tap.equal(max(depths), 2, "before: the recursion ends at depth two", said["before"])
    tap.ok(re.search(r"^  first +1 +0$", said["before"], re.M) and re.search(r"^  rcu +0 +1$", said["before"], re.M),
           "before: the one hits, the other is missed", said["before"])
    tap.ok("#DF" not in said["before"] and "#DF resumes" in said["after"], "after: it ends with the stack", said["after"])
    for where in ("before", "after"):
        tap.ok("DIFFERENT" not in said[where], f"{where}: nothing is left of it", said[where])


def test_iret():
    result = nestling.run(f"cd {nestling.TRACING}; cat recursion/iret_demo; echo @run; echo 1 > recursion/iret_demo; echo 1 > health; "
                          "echo 1 > recursion/iret_demo; cat recursion/iret_demo; cat health; cat wx", smp=2, timeout=60)
    said = result.stdout.replace("\r", "").partition("@run\n")
    tap.equal(result.status, 0, "a handler that only returns", result.stdout[-2000:])
    tap.equal(said[0], "not run\n", "at first there is nothing to show")
    tap.equal(re.findall(r"^  (DAMAGED|no harm done)$", said[2], re.M), ["DAMAGED", "DAMAGED", "no harm done", "DAMAGED"],
              "one nop happens to work", said[2])
    tap.contains(said[2], """\
  executed       31 db           xor %ebx,%ebx
                 ff c3           inc %ebx
  should be      eax c3ffdb31, ebx 2, carry 0
  is             eax 1, ebx 1, carry 0
""", "what is executed instead is in the middle of the instruction")
    tap.ok("carry 0, and #UD" in said[2] and "DIFFERENT" not in said[2], "what is none is caught, and nothing else is hurt", said[2])


TWIN = "echo p:t twin_step > kprobe_events; echo 'cpu < 64' > events/kprobes/t/filter; echo 1 > rcu/check; echo 1 > events/kprobes/t/enable"


def test_twin():
    result = nestling.run(f"cd {nestling.TRACING}; echo 1 > health; echo exposed > rcu/twin; cat rcu/twin; {TWIN}; echo hidden > rcu/twin; "
                          "cat rcu/twin; echo exposed > rcu/twin; cat rcu/twin; echo 0 > events/kprobes/t/enable; echo > kprobe_events; "
                          "echo 0 > rcu/check; cat health", smp=1, timeout=60)
    tap.equal(result.status, 0, "an entry path and its exposed twin", result.stdout[-2000:])
    told = re.findall(r"^(\w+: RCU .* in twin_step\(\), )(\d+) reports$", result.stdout, re.M)
    tap.equal([line for line, _ in told], ["exposed: RCU wasn't watching in twin_step(), ", "hidden: RCU was watching in twin_step(), ",
                                           "exposed: RCU wasn't watching in twin_step(), "], "whether RCU watches is told")
    tap.ok(told[0][1] == told[1][1] == "0" and int(told[2][1]) > 0, "only an instrument in the exposed one is reported", told)
    tap.ok("DIFFERENT" not in result.stdout, "and nothing is left of it", result.stdout)
    tap.contains(result.log, "rcu_read_lock() used illegally while idle, at event_record", "the log says where")


test_policies()
test_flag_at()
test_iret()
test_twin()
test_recoveries(2)
tap.done()
