/*
 * Changing kernel text, which is never writable: through a second name for the frame, in page
 * tables that only this CPU loads, only while it writes (docs/TRICKS.md, "Text is never writable").
 */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "lib/types.h"

#define INT3_BYTE   0xcc
#define SITE_SIZE   5
#define CALL32_BYTE 0xe8
#define JMP32_BYTE  0xe9
/* clang-format off */
#define NOP5 { 0x0f, 0x1f, 0x44, 0x00, 0x00 }
/* clang-format on */

/* Boot, once. */
void text_poke_init(void);

/*
 * Writes @len bytes (within two pages) at the executable address @addr. Thread context; the bytes are
 * all there before the next instruction of this CPU; the others see them when they next serialize. For bytes no one can be executing, or for one.
 * A user's text is given by its address in the direct map, where it can't be written either.
 */
void text_poke(void *addr, const void *bytes, size_t len);

/*
 * Exchanges a 5-byte nop, call or jump at @addr for another, so that whoever executes it meanwhile runs
 * the old one or the new one, never a mixture. Thread context.
 */
void text_poke_bp(void *addr, const u8 bytes[SITE_SIZE]);

/* The same for many places at once, ascending: three rounds of calls to the other CPUs in all. */
struct text_exchange {
	u64 addr;
	u8 bytes[SITE_SIZE];
};
void text_poke_bp_batch(const struct text_exchange *v, size_t n);
/* One of its rounds, by itself for those who look at it in between. Interrupts off, and the poker's lock held. */
enum poke_round { POKE_INT3, POKE_TAIL, POKE_FIRST };
void text_poke_round(const struct text_exchange *v, size_t n, enum poke_round round);
/* Any context: is an exchange at @addr under way? */
bool text_poke_pending(u64 addr);
/* Any context; waits for nobody. Writes the byte at @addr once more, as it is. */
void text_refresh(void *addr);
/* How many int3s were met in the middle of exchanges. */
extern u64 text_poke_hits;

/* How many exchanges are under way. */
extern size_t text_poke_exchanges;
/* The int3 handler's first question: is this text_poke_bp()'s int3? Then the new instruction is emulated. Hidden. */
bool text_poke_emulate(struct pt_regs *regs);
static __always_inline bool text_poke_int3(struct pt_regs *regs)
{
	return unlikely(text_poke_exchanges != 0) && text_poke_emulate(regs);
}

/* The emergency's own poke, one byte: from any context, also in the middle of text_poke(). Hidden. */
void text_poke_emergency(void *addr, u8 byte);
/* The same, shown to the observer: which is visible code, so no probe may be armed any more. */
void text_poke_emergency_observed(void *addr, u8 byte);

/*
 * In the assembly of who exchanges the five bytes at @label: nobody else may lay anything over them. (A tracing site's and a static
 * key's are known by their own tables.)
 */
#define POKED_SITE(label) \
	".pushsection .poked_sites, \"a\", @progbits\n\t.balign 8\n\t.quad " #label "\n\t.popsection\n"
/* Any context. Are there such among the @len bytes from @addr on? */
bool text_is_poked(u64 addr, size_t len);

/*
 * Called by each poke while the alias exists and the poke tables are loaded, when set: for showing
 * what the tables look like just then. In whatever context the poke is.
 */
extern void (*text_poke_observer)(void *addr, u64 alias);
