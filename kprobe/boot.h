/* Probe events from the kernel command line. */
#pragma once

/*
 * Boot, once, when there are control files. @text: definitions as in kprobe_events, with commas for spaces and semicolons
 * between them, up to white space or the end. What can't be had is said in the log.
 */
void kprobe_boot_events(const char *text);
