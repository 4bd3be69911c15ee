/* What became of a program that did something it mustn't: for whoever handles its faults. */
#pragma once

#include "user/lib/message.h"

/* Any program's file, for its names. */
struct image {
	const char *name;
	const u8 *file;
	size_t bytes;
};

/* Prints, to the kernel's console, a fault's message about @process (a handle with READ), and its backtrace with names. */
void report_fault(const struct message *m, u32 process, const struct image *image);
/* Why a process has ended, in words: "died of #PF", "ended with status 9". */
void report_status(char *buf, size_t size, int status);
