/* What every program has. */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

int main(void);

/* To the console, as it is. 0 or -errno. */
s64 print(const char *text);
/* The whole process ends. */
void __noreturn process_exit(int status);
