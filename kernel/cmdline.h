/* The kernel command line: words that are flags, NAME=NUMBER and trace=NAME. What isn't understood is reported, not swallowed. */
#pragma once

#include "lib/types.h"

/* Boot, once, after the boot structure was read. */
void cmdline_init(const char *text);
/* Any time. Is @word, whole, one of the words of @text? */
bool cmdline_has(const char *text, const char *word);

struct cmdline {
	bool test;	    /* "test": the files below test/ exist */
	bool debug;	    /* "debug": checks that cost time (lib/debug.h) */
	u64 stress;	    /* "stress=N": the tests' counts are multiplied by it; 1 when not given */
	const char *sweep;  /* "sweep=TECHNIQUE": probes on what the rest of the boot runs; NULL: none */
	u64 chaos;	    /* "chaos=SEED": see context/chaos.h; 0: none */
	char trace[32];	    /* "trace=NAME": this tracer is current from boot on; "": none */
	u64 trace_buf_size; /* "trace_buf_size=N[K|M|G]": bytes of trace buffer a CPU, at first; 0: as usual */
	const char *kprobe_event; /* "kprobe_event=DEFINITIONS": see kprobe/boot.h; NULL: none */
	u64 start_fails; /* "start_fails=N": the CPU with APIC id N is never started, as if it were broken; 0: none */
	u64 start_late;	 /* "start_late=N": that one is given up just when it has begun; 0: none */
	u64 start_nomem; /* "start_nomem=N": while CPUs are started, the N-th allocation fails; 0: none */
};
extern struct cmdline cmdline;
