/*
 * What SYS_trace_open opens and SYS_trace_stat says. A stream is text that comes as it is read: of a control file, of a
 * directory of them, or of a command of the kernel's. At its end stream_read gives what the file or the command ended with.
 */
#pragma once

#define STREAM_FILE	 0 /* the control file with that absolute path */
#define STREAM_DIRECTORY 1 /* its entries, a line each; directories end in '/' */
#define STREAM_COMMAND	 2 /* a command, whose words have a NUL behind each; the handle must have WRITE, too */

#define STREAM_TEXT_MAX 1024 /* bytes of a path or a command line, without a NUL */

#define TRACE_DIRECTORY 1
#define TRACE_READABLE	2
#define TRACE_WRITABLE	4
