/* Scene 10: taking probes out in an emergency, from text that stays read-only. */
#include "user/sh/tour.h"

/* The commentary stands as it is shown. */
/* clang-format off */
SCENE(scene10, .number = 10, .title = "bust_kprobes() and read-only text",
      .script =
"Masami Hiramatsu, 11 March 2020, proposed an emergency exit for the case that a breakpoint hits\n"
"itself: make the page of the probe writable, put the original byte back, go on. His own doubt: can\n"
"the page safely be made read-only again afterwards, from a context this broken? Thomas Gleixner and\n"
"Peter Zijlstra called it racy.\n"
"\n"
"Here the page never becomes writable, so it needn't be made read-only again. A poke goes through a\n"
"second name of the frame, in page tables that only the poking CPU loads, only while it writes. That\n"
"can be checked, without trusting the code that builds the tables: by walking them, and by trying.\n"
"\n"
"Before:\n"
"\n"
"# cat wx\n"
"\n"
"Now the recursion of scene 4, with an observer that walks the tables the CPU has loaded at the very\n"
"moment of a poke, the emergency's included:\n"
"\n"
"# echo 1 > health\n"
"# echo step > kprobes/technique\n"
"# echo p:tour/first tracing_on_show+5 >> kprobe_events\n"
"# echo 1 > kprobes/unsafe\n"
"# echo p:tour/rcu rcu_nmi_enter >> kprobe_events\n"
"# echo 1 > events/tour/first/enable\n"
"# echo 1 > events/tour/rcu/enable\n"
"# echo 1 > wx\n"
"# cat tracing_on\n"
"\n"
"During and after:\n"
"\n"
"# cat wx\n"
"# echo 0 > wx\n"
"# echo 0 > kprobes/unsafe\n"
"# echo auto > kprobes/technique\n"
"# echo -:tour/first >> kprobe_events\n"
"# echo -:tour/rcu >> kprobe_events\n"
"# cat health\n"
"\n"
"No page was executable and writable for an instant, in no one's tables but the poker's was there a\n"
"second name, and that name is gone. The text is byte for byte what it was.",
      .finally = "# echo 0 > wx\n# echo 0 > events/tour/first/enable\n# echo 0 > events/tour/rcu/enable\n"
		 "# echo 0 > kprobes/unsafe\n# echo auto > kprobes/technique\n"
"# echo -:tour/first >> kprobe_events\n# echo -:tour/rcu >> kprobe_events");
/* clang-format on */
