/* Out of fw_cfg, where any bytes may be, and as many as somebody likes. */
#include "kernel/script.h"

#include "arch/x86/cpu/fw_cfg.h"
#include "arch/x86/mm/paging.h"
#include "lib/bug.h"
#include "mm/frames.h"

#define NAME "opt/nestling/cmd"
#define MAX  65536

bool script_sent(void) { return fw_cfg_size(NAME) >= 0; }

bool script_fetch(struct script *s)
{
	s64 size = fw_cfg_size(NAME);
	u64 pa;

	if (size < 0)
		return false;
	if (size > MAX)
		panic("the command script has %ld bytes; at most %u are taken", size, MAX);
	s->bytes = (size_t)size;
	s->pages = (s->bytes + PAGE_SIZE) / PAGE_SIZE;
	pa = frames_alloc(s->pages);
	if (!pa)
		panic("no memory for a command script of %ld bytes", size);
	s->text = phys_to_virt(pa);
	fw_cfg_read(NAME, s->text, s->bytes);
	return true;
}

void script_free(struct script *s) { frames_free(virt_to_phys(s->text), s->pages); }
