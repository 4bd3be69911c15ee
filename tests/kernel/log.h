/* The kernel's log, as tests read it. */
#pragma once

/*
 * Thread context. What was printed since the line @mark, which ends in a newline; it stays until the next call. Without such a line
 * all there is, and the test fails.
 */
const char *log_since(const char *mark);
