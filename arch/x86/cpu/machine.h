/* Leaving the machine: QEMU's isa-debug-exit device turns the written value v into exit status 2v+1. */
#pragma once

#define EXIT_PORT   0xf4
#define EXIT_OK	    0x10 /* every command succeeded */
#define EXIT_FAILED 0x11 /* a command failed */
#define EXIT_PANIC  0x12

#include "lib/compiler.h"
/* Any context; never returns. Without the device (real hardware) it halts. */
void __noreturn machine_exit(int code);
/* Resets through a triple fault: an empty IDT and an int3. For the test of how that ends. */
void __noreturn machine_triple_fault(void);
