/* The first process: gets all that the kernel has to give away. */
#pragma once

#include "lib/compiler.h"

/* Thread context. Runs the program "init" of the boot module (abi/boot.h). It ends the machine; its own end is a panic. */
void __noreturn init_run(void);
