/*
 * What a probed place jumps to instead of trapping: code that saves all registers, calls a handler, and ends with the
 * instructions that the jump has displaced. Made of one template (detour.asm), in pages of their own: R-X, reached only by
 * text_poke(). Who makes them is kprobe/detour.c.
 */
#pragma once

#include "arch/x86/mm/paging.h"
#include "lib/compiler.h"
#include "lib/types.h"

#define DETOUR_AREA    (SLOT_AREA + 0x8000000)
#define DETOUR_SIZE    336
#define MAX_DETOURS    4096ul
#define DETOURS_A_PAGE (PAGE_SIZE / DETOUR_SIZE)

/* The number of a probe's guard bit in a thread; what else of floors above assembly knows is in fentry.h. */
#define DETOUR_GUARD 8

struct detour_template {
	u32 entry, size; /* where the jump leads, and where the displaced instructions will stand */
	u32 site;	 /* operands to fill in: a struct kprobe_site, of eight bytes */
	u32 place[2];	 /* the probed address, of four */
	u32 probe;	 /* where the pointer to the struct kprobe is, of four */
	u32 calls[4];	 /* those that count from where they stand */
};
extern const struct detour_template detour_template;
extern const u8 detour_code[];

/* Any context. Does a detour's code lie at @ip? */
static __always_inline bool in_detours(u64 ip)
{
	return ip - DETOUR_AREA < MAX_DETOURS / DETOURS_A_PAGE * PAGE_SIZE;
}
