/* Two sides of an endpoint as threads of the kernel: each with handles, as processes have them, and messages that are told apart. */
#pragma once

#include "kernel/ipc.h"
#include "sched/thread.h"

extern struct endpoint *ipc_endpoint;
extern struct handles ipc_server, ipc_client;
extern u32 ipc_receiver; /* the handle by which the server receives */

/* Thread context, all of it. Makes them; and takes them back: nobody must wait, and nobody else refer to the endpoint. */
void ipc_scene_begin(void);
void ipc_scene_end(void);

struct thread *ipc_start(int (*fn)(void *), void *arg);

/* All words are @n's own, and there is no handle. */
void ipc_fill(struct pt_regs *r, u64 n);
/* For a thread: receives one, which is @ipc_got then, and replies with three words one more. */
int ipc_serve_one(void *arg);
extern struct pt_regs ipc_got;
/* For a thread: calls with @word and that badge, for twice @word. 1: it was something else; else -errno. */
int ipc_call_word(void *word);
/* Until so many wait to be received. */
void ipc_wait_for_callers(unsigned n);
