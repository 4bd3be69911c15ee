/* Stacks with their guard pages, and the kernel's own symbol table. */
#include "arch/x86/entry/handlers.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/stacks.h"
#include "context/watch.h"
#include "ftrace/ftrace.h"
#include "lib/ktest.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/symtab.h"
#include "tests/kernel/machine.h"

KTEST(stacks, an_address_finds_its_stack)
{
	u64 here = (u64)__builtin_frame_address(0);

	EXPECT_EQ(stack_of(here), own_stack(STACK_TASK));
	for (int i = 0; i < NR_STACKS; i++) {
		const struct kstack *s = &kstacks[i];

		EXPECT_EQ(s->top - s->base, i == STACK_TASK ? TASK_STACK_SIZE : IST_STACK_SIZE);
		EXPECT_EQ(s->base - s->guard, GUARD_SIZE);
		EXPECT_EQ(stack_of(s->base), s);
		EXPECT_EQ(stack_of(s->top - 1), s);
		EXPECT(stack_of(s->top) != s);
		EXPECT(!stack_of(s->guard));
		EXPECT(!stack_of(s->base - 1));
		EXPECT_EQ(stack_guarded_at(s->guard), s);
		EXPECT_EQ(stack_guarded_at(s->base - 1), s);
		EXPECT(!stack_guarded_at(s->base));
	}
	EXPECT(!stack_of(0));
	EXPECT(!stack_guarded_at((u64)stack_of));
}

KTEST(stacks, guards_are_unmapped_and_stacks_are_mapped)
{
	for (int i = 0; i < NR_STACKS; i++) {
		EXPECT(!lookup_pte(kstacks[i].guard, NULL));
		for (u64 va = kstacks[i].base; va < kstacks[i].top; va += PAGE_SIZE) {
			u64 *e = lookup_pte(va, NULL);

			EXPECT(e);
			EXPECT_EQ(e ? *e & (PTE_W | PTE_NX) : 0, PTE_W | PTE_NX);
		}
	}
}

static const struct {
	const char *name;
	const void *fn;
} functions[] = {
	{ "do_int3", do_int3 },	  { "rcu_nmi_enter", rcu_nmi_enter },
	{ "stack_of", stack_of }, { "ftrace_site_at", ftrace_site_at },
	{ "memcpy", memcpy },	  { "symtab_find", symtab_find },
};

KTEST(symbols, functions_are_found_by_name_and_by_address)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		u64 fn = (u64)functions[i].fn;
		struct symbol by_name = { 0 }, by_addr = { 0 };
		unsigned matches = 0;

		EXPECT(symtab_find_name(&kernel_symtab, functions[i].name, &by_name, &matches));
		EXPECT_EQ(matches, 1);
		EXPECT_EQ(by_name.start, fn);
		EXPECT(by_name.size > 1);
		EXPECT(symtab_find(&kernel_symtab, fn + by_name.size - 1, &by_addr));
		EXPECT_EQ(by_addr.start, fn);
		EXPECT_EQ(strcmp(by_addr.name, functions[i].name), 0);
	}
}

KTEST(symbols, percent_p_s)
{
	char got[64], want[64];
	struct symbol sym = { 0 };

	EXPECT(symtab_find_name(&kernel_symtab, "do_int3", &sym, NULL));
	snprintf(got, sizeof(got), "%pS", (void *)(sym.start + 5));
	snprintf(want, sizeof(want), "do_int3+0x5/0x%lx", sym.size);
	EXPECT_EQ(strcmp(got, want), 0);
	snprintf(got, sizeof(got), "%pS", (void *)kstacks);
	snprintf(want, sizeof(want), "0x%lx", (u64)kstacks);
	EXPECT_EQ(strcmp(got, want), 0);
}

KTEST(symbols, the_table_is_sorted_and_covers_every_traced_function)
{
	struct symbol sym, before = { 0 };
	u32 n = 0;

	for (; symtab_nth(&kernel_symtab, n, &sym); n++) {
		EXPECT(sym.start >= before.start);
		before = sym;
	}
	EXPECT(n > 100);
	for (size_t i = 0; i < ftrace_nr_sites(); i++) {
		EXPECT(symtab_find(&kernel_symtab, ftrace_site(i)->ip, &sym));
		EXPECT_EQ(sym.start, ftrace_site(i)->ip);
	}
}
