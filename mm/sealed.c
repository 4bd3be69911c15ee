/* The sealed memory objects: for who looks for a program's text wherever it is. */
#include "mm/memory.h"

#include "lib/compiler.h"

static SPINLOCK(sealed_lock);
static LIST_HEAD(sealed);

void memory_add_sealed(struct memory *m)
{
	u64 flags = spin_lock_irqsave(&sealed_lock);

	list_add_tail(&m->sealed, &sealed);
	spin_unlock_irqrestore(&sealed_lock, flags);
}

void memory_remove_sealed(struct memory *m)
{
	u64 flags = spin_lock_irqsave(&sealed_lock);

	list_del(&m->sealed);
	spin_unlock_irqrestore(&sealed_lock, flags);
}

/* One without references is about to leave the list. */
static bool get_unless_gone(struct memory *m)
{
	u32 refs = READ_ONCE(m->refs);

	while (refs && !__atomic_compare_exchange_n(&m->refs, &refs, refs + 1, false, __ATOMIC_RELAXED,
						    __ATOMIC_RELAXED))
		;
	return refs;
}

struct memory *memory_next_sealed(struct memory *m)
{
	u64 flags = spin_lock_irqsave(&sealed_lock);
	struct list_head *at = m ? m->sealed.next : sealed.next;

	while (at != &sealed && !get_unless_gone(list_entry(at, struct memory, sealed)))
		at = at->next;
	spin_unlock_irqrestore(&sealed_lock, flags);
	if (m)
		memory_put(m);
	return at == &sealed ? NULL : list_entry(at, struct memory, sealed);
}
