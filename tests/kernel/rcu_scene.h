/* One holds on, another waits for him: had the one let go when the other came back? */
#pragma once

#include "arch/x86/cpu/regs.h"
#include "lib/compiler.h"
#include "lib/ktest.h"
#include "lib/types.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/crowd.h"

#define SCENE_TURNS    20000 /* cpu_relax(): longer than a wait takes that forgets him */
#define SCENE_PATIENCE (50 * SCENE_TURNS)
#define SCENE_TRIES    5

struct scene {
	u32 here, there; /* CPUs: the waiter's; the other's, the same when there is one only */
	volatile bool held, waiting, ended, alone;
};
extern struct scene scene;
extern u32 scenes_alone; /* in a row */

/* Thread context. This thread is where RCU's own are, so the other CPU has nothing to do with them. */
static inline void scene_begin(void)
{
	thread_set_affinity(1);
	scene = (struct scene){ .here = 0, .there = crowd_next_cpu(0) };
}
/* Was there something to see? Else it has to be played again; fails when that doesn't help. */
static inline bool scene_end(void)
{
	thread_set_affinity(CPU_MASK_ALL);
	scenes_alone = scene.alone ? scenes_alone + 1 : 0;
	EXPECT(scenes_alone < SCENE_TRIES);
	return scenes_alone % SCENE_TRIES == 0;
}

/*
 * Any context: the part between the beginning of what is waited for and its end. Who has interrupts off here may keep a third one
 * waiting for this CPU's answer, who keeps the waiter's CPU: so even that has an end.
 */
static __always_inline void scene_hold(void)
{
	scene.held = true;
	for (u32 i = 0; i < SCENE_PATIENCE && !scene.waiting; i++)
		cpu_relax();
	scene.alone = !scene.waiting;
	for (u32 i = 0; i < SCENE_TURNS; i++)
		cpu_relax();
	scene.ended = true;
}

/* Thread context. */
static inline void scene_wait_held(void)
{
	while (!scene.held)
		sleep_ns(100000); /* who is to hold on may have a lower priority, and no other CPU */
}
/* Thread context: the other part. */
static inline void scene_wait(void (*wait)(void))
{
	scene_wait_held();
	scene.waiting = true;
	wait();
	EXPECT(scene.ended);
	while (!scene.ended)
		sleep_ns(100000); /* even so the next scene begins after this one */
}

static inline struct thread *thread_on(u32 cpu, int (*fn)(void *arg), u8 priority)
{
	struct thread *t = thread_create("scene", fn, NULL, priority, 1u << cpu);

	EXPECT(t);
	return t;
}
