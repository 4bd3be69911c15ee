/* The local APIC, in xAPIC mode: interrupts between CPUs, and this CPU's timer (SDM vol. 3, chapter 11). */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "lib/types.h"

/* Vectors of ours, above the interrupt lines. The spurious one must end in 1111b on old CPUs. */
#define VECTOR_TIMER	  0xf0
#define VECTOR_RESCHEDULE 0xf1
#define VECTOR_CALL	  0xf2
#define VECTOR_IRQ_WORK	  0xf3
#define VECTOR_SPURIOUS	  0xff

/* Boot: maps the registers at physical @base. -ENOMEM, -EEXIST as map_pages(). */
int apic_map(u64 base);
/* Each CPU: switches its APIC on; timer stopped, LINT1 = NMI, spurious vector set. */
void apic_init_cpu(void);
u32 apic_id(void);
/* Hardirq context: tells the APIC that the handler is done. */
void apic_eoi(void);

/* Hardirq context: did @vector come from the APIC, so that it waits for an EOI? */
bool apic_in_service(u8 vector);

/* Task or hardirq context; waits for the previous one to have gone. To the CPU with APIC id @id. */
void apic_send_ipi(u32 id, u8 vector);
void apic_send_init(u32 id);
void apic_send_startup(u32 id, u8 page);
/* Any context, also in the middle of any of these. To this CPU; it has gone when this returns. */
void apic_send_self(u8 vector);

/* NMIs sent to this CPU by nmi_send(); both only grow. */
struct nmi_sent {
	u32 begun, ended;
};
DECLARE_PER_CPU(struct nmi_sent, nmi_sent);
/* Any context. To CPU @cpu, which is up; returns when it has accepted it. Several may arrive as one. */
void nmi_send(u32 cpu);
/* The same, not counted: to the receiver it is one from outside. */
void apic_send_nmi(u32 id);

/* Boot: the timer counts down from ~0, without interrupts; what it has come to; and how far it came in @ns nanoseconds. */
void apic_timer_calibrate_begin(void);
u32 apic_timer_calibrate_read(void);
void apic_timer_calibrate_end(u64 ticks, u64 ns);
/* Interrupts off. One interrupt on VECTOR_TIMER, @ns from now (at once when 0). */
void apic_timer_set(u64 ns);
void apic_timer_stop(void);
