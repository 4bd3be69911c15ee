/* Reading another's space: region by region, out of the memory that is mapped there, by whatever tables. */
#include "abi/errno.h"
#include "lib/compiler.h"
#include "mm/space.h"

/* The memory at @va, with a reference, and how much of @len is in it; NULL: none, or none that may be read. */
static struct memory *at(struct space *s, u64 va, u64 *offset, size_t *len)
{
	u64 flags = spin_lock_irqsave(&s->lock);
	struct memory *m = NULL;

	for (unsigned i = 0; i < s->nr_regions && !m; i++) {
		const struct region *r = s->regions[i];

		if (va < r->va || va - r->va >= r->pages * PAGE_SIZE || !(r->rights & MAP_READ))
			continue;
		m = r->memory;
		memory_get(m);
		*offset = r->first * PAGE_SIZE + (va - r->va);
		*len = min(*len, r->pages * PAGE_SIZE - (va - r->va));
	}
	spin_unlock_irqrestore(&s->lock, flags);
	return m;
}

int space_read(struct space *s, u64 va, void *to, size_t len)
{
	int err = 0;

	while (len && !err) {
		size_t n = len;
		u64 offset;
		struct memory *m = at(s, va, &offset, &n);

		if (!m)
			return -EFAULT;
		err = memory_read(m, offset, to, n);
		memory_put(m);
		va += n;
		to = (u8 *)to + n;
		len -= n;
	}
	return err;
}
