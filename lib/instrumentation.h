/*
 * Marks, in hidden code, where calls out to visible code are allowed: they emit no instruction,
 * only notes (address, begin or end) in a section that isn't loaded, for a checker to read.
 */
#pragma once

/* clang-format off */
#define INSTRUMENTATION_NOTE(kind)                                                              \
	__asm__ volatile("1:\t.pushsection .instr_notes, \"\", @progbits\n\t.quad 1b, " #kind \
			 "\n\t.popsection" ::: "memory")
/* clang-format on */
#define instrumentation_begin() INSTRUMENTATION_NOTE(1)
#define instrumentation_end()	INSTRUMENTATION_NOTE(0)
