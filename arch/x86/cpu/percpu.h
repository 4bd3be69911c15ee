/*
 * Per-CPU variables: GS holds the distance from the linked copy to this CPU's copy.
 *
 * CPU 0 uses the linked copy itself (distance 0), so gdb shows its variables under their own
 * names. __seg_gs is GCC's named address space: an access is one instruction with a GS prefix, so
 * an interrupt cannot come between finding the copy and using it.
 */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

#define PER_CPU_SECTION __section(".data..percpu")

#define DEFINE_PER_CPU(type, name) __typeof__(type) name PER_CPU_SECTION
/* The same for what a trap's record keeps (context/trap.h): these lie one behind the other, as numbered. */
#define ACCOUNT(n, type, name)	    __typeof__(type) name __section(".data..percpu.accounts." #n)
#define DECLARE_PER_CPU(type, name) extern __typeof__(type) name

/*
 * An lvalue: this CPU's copy of @name, at one instruction an access. Not for an array: GCC forgets the address
 * space of one when it is indexed, and CPU 0's would be taken. A comma makes a pointer of an array: so it shows.
 */
/* clang-format off */
#define IS_ARRAY(x) (!__builtin_types_compatible_p(__typeof__(x), __typeof__(((void)0, (x)))))
#define this_cpu(name) (*(__typeof__(name) __seg_gs *)((u64)&(name) + 0 * sizeof(char[IS_ARRAY(name) ? -1 : 1])))
/* The same for element @i of @array. */
#define this_cpu_at(array, i) (*(__typeof__((array)[0]) __seg_gs *)(u64)&(array)[i])

/* Which CPU this is: 0 is the one that booted. */
DECLARE_PER_CPU(u32, cpu_number);

#define NR_CPUS 8
extern u32 cpus_up; /* bit n: CPU n takes part */
extern u64 per_cpu_offset[NR_CPUS];
/* An ordinary pointer to CPU @cpu's copy of @lvalue. */
#define per_cpu_ptr(lvalue, cpu) ((__typeof__(&(lvalue)))((u64)&(lvalue) + per_cpu_offset[cpu]))

/* The distance itself, as a per-CPU variable: 0 in the linked copy. */
DECLARE_PER_CPU(u64, this_cpu_offset);
/* An ordinary pointer to this CPU's copy of @lvalue, for passing on. */
#define this_cpu_ptr(lvalue) ((__typeof__(&(lvalue)))((u64)&(lvalue) + this_cpu(this_cpu_offset)))
/* clang-format on */
