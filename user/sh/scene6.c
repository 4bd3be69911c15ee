/* Scene 6: what becomes of an instruction when its breakpoint only returns. */
#include "user/sh/tour.h"

/* The commentary stands as it is shown. */
/* clang-format off */
SCENE(scene6, .number = 6, .title = "why iret isn't enough",
      .script =
"If the flag says that this is a recursion, why not just return? Masami\n"
"Hiramatsu, 10 March 2020, the mail that this tour comes from: since a\n"
"breakpoint isn't a call. It stands in the place of an instruction, whose first\n"
"byte it has overwritten. A plain iret goes on behind that byte. The instruction\n"
"isn't executed; worse, what remains of it is taken for others.\n"
"\n"
"That would be the end of the kernel, so it is tried in a page that has nothing\n"
"else in it, with instructions whose remains can't reach further: four of them,\n"
"each with an int3 whose handler does nothing but return. (The first try makes\n"
"the page, which stays.)\n"
"\n"
"# echo 1 > recursion/iret_demo\n"
"# echo 1 > health\n"
"# echo 1 > recursion/iret_demo\n"
"# cat recursion/iret_demo\n"
"\n"
"The first was to load eax. What was executed instead are two instructions that\n"
"nobody has written: one has cleared ebx and the other has added one to it. The\n"
"second, a single byte, was skipped, and a carry that should be there isn't. The\n"
"third is a nop of five bytes, and its last four are a nop, too: no harm done,\n"
"by luck. That is what makes the idea seem to work where breakpoints stand on\n"
"the nops of tracing sites. But not on every nop: the last is what compilers\n"
"emit there today, and its remains are no instruction at all.\n"
"\n"
"So the displaced instruction must be executed, by a step of its copy (and then\n"
"do_debug() is part of it, scene 8), by emulation, or by putting it back, which\n"
"is what bust_kprobes() does (scene 10). Desnoyers agreed: a way through a probe\n"
"that has no effect, in hidden code, and only steps. It is what you saw at depth\n"
"two of scene 5.\n"
"\n"
"# cat health\n"
"\n"
"Try next: explain NAME+OFFSET of any instruction of the kernel says what is\n"
"done for it, and why.",
      .finally = "");
/* clang-format on */
