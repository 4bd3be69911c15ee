/* What every program has. */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"
#include "user/lib/start.h"

int main(int argc, char **argv);

/* What the program was started with, as it is; NULL: nothing, as by "exec". */
extern const void *start_argument;
/* The same for who isn't init: zeros, when there is nothing. */
const struct program_start *program(void);

/* To where the program prints, as it is. 0 or -errno. */
s64 print(const char *text);
s64 print_bytes(const char *text, size_t len);
s64 print_format(const char *fmt, ...) __printf(1, 2);
/* To the kernel's console, whatever becomes of the servers. */
s64 print_kernel(const char *text, size_t len);

/* The whole process ends. */
void __noreturn process_exit(int status);
