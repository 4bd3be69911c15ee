/* What init finds on its stack when it begins: rdi is its address. All that is the kernel's to give away, it gives to init. */
#pragma once

#include "lib/types.h"

struct boot_handles {
	u32 self;	/* init's own process, all rights; so are the rest, where nothing else is said */
	u32 trace;	/* control files, the kernel's commands, the machine's end */
	u32 com1_ports; /* 0x3f8 to 0x3ff */
	u32 com1_irq;
	u32 archive;	   /* the boot module, as memory: READ, DUPLICATE */
	u32 script;	   /* what the shell is to run, the same; 0: somebody is at the console */
	u64 archive_bytes; /* as long as they are */
	u64 script_bytes;
};
