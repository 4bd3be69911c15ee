/*
 * Every event, once: its fields, and how it is printed. Included wherever something is made of all of them.
 *
 *	FIELDS_name  FIELD(type, name), COMM(name) a thread's name, STRING(name, size) text, cut to fit
 *	TRACE_EVENT  system, name, and what printf is given; REC is the record. This is also the "print fmt" of the
 *		     file "format", so it speaks the language that trace-cmd reads
 *
 * Names and fields are Linux's where it has the event; what it hasn't is in the system "nestling".
 */
/* clang-format off */
#define FIELDS_sched_switch(FIELD, COMM, STRING)                                                                \
	COMM(prev_comm) FIELD(pid_t, prev_pid) FIELD(int, prev_prio) FIELD(long, prev_state)                    \
	COMM(next_comm) FIELD(pid_t, next_pid) FIELD(int, next_prio)
TRACE_EVENT(sched, sched_switch,
	    "prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%s ==> next_comm=%s next_pid=%d next_prio=%d",
	    REC->prev_comm, REC->prev_pid, REC->prev_prio,
	    REC->prev_state & 0x100 ? "R+" : REC->prev_state & 0x10 ? "X" : REC->prev_state & 0x1 ? "S" : "R",
	    REC->next_comm, REC->next_pid, REC->next_prio)

#define FIELDS_sched_wakeup(FIELD, COMM, STRING) \
	COMM(comm) FIELD(pid_t, pid) FIELD(int, prio) FIELD(int, target_cpu)
TRACE_EVENT(sched, sched_wakeup, "comm=%s pid=%d prio=%d target_cpu=%03d",
	    REC->comm, REC->pid, REC->prio, REC->target_cpu)

/* A new thread. */
#define FIELDS_sched_process_fork(FIELD, COMM, STRING) \
	COMM(parent_comm) FIELD(pid_t, parent_pid) COMM(child_comm) FIELD(pid_t, child_pid)
TRACE_EVENT(sched, sched_process_fork, "comm=%s pid=%d child_comm=%s child_pid=%d",
	    REC->parent_comm, REC->parent_pid, REC->child_comm, REC->child_pid)

#define FIELDS_sched_process_exit(FIELD, COMM, STRING) COMM(comm) FIELD(pid_t, pid) FIELD(int, prio)
TRACE_EVENT(sched, sched_process_exit, "comm=%s pid=%d prio=%d", REC->comm, REC->pid, REC->prio)

/* @irq: a PIC's line, or 32 less than a vector of the local APIC. */
#define FIELDS_irq_handler_entry(FIELD, COMM, STRING) FIELD(int, irq) STRING(name, 16)
TRACE_EVENT(irq, irq_handler_entry, "irq=%d name=%s", REC->irq, REC->name)

#define FIELDS_irq_handler_exit(FIELD, COMM, STRING) FIELD(int, irq) FIELD(int, ret)
TRACE_EVENT(irq, irq_handler_exit, "irq=%d ret=%s", REC->irq, REC->ret ? "handled" : "unhandled")

#define FIELDS_page_fault_kernel(FIELD, COMM, STRING) \
	FIELD(unsigned long, address) FIELD(unsigned long, ip) FIELD(unsigned long, error_code)
TRACE_EVENT(exceptions, page_fault_kernel, "address=%ps ip=%ps error_code=0x%lx",
	    (void *)REC->address, (void *)REC->ip, REC->error_code)

#define FIELDS_page_fault_user(FIELD, COMM, STRING) \
	FIELD(unsigned long, address) FIELD(unsigned long, ip) FIELD(unsigned long, error_code)
TRACE_EVENT(exceptions, page_fault_user, "address=%ps ip=%ps error_code=0x%lx",
	    (void *)REC->address, (void *)REC->ip, REC->error_code)

/* A system call, with what may be its arguments; and its result. */
#define FIELDS_sys_enter(FIELD, COMM, STRING)                                                             \
	FIELD(long, id) FIELD(unsigned long, arg0) FIELD(unsigned long, arg1) FIELD(unsigned long, arg2)   \
	FIELD(unsigned long, arg3) FIELD(unsigned long, arg4) FIELD(unsigned long, arg5)
TRACE_EVENT(raw_syscalls, sys_enter, "NR %ld %s(%lx, %lx, %lx, %lx, %lx, %lx)",
	    REC->id, __print_symbolic(REC->id, syscall_names), REC->arg0, REC->arg1, REC->arg2, REC->arg3, REC->arg4, REC->arg5)

#define FIELDS_sys_exit(FIELD, COMM, STRING) FIELD(long, id) FIELD(long, ret)
TRACE_EVENT(raw_syscalls, sys_exit, "NR %ld %s = %ld",
	    REC->id, __print_symbolic(REC->id, syscall_names), REC->ret)

/*
 * A call, with the name of who receives there, "" when nobody has yet; who has received it, with the number and name of the thread
 * to reply to (0: bits of a notification); the answer to that.
 */
#define FIELDS_ipc_send(FIELD, COMM, STRING)                                              \
	COMM(server) FIELD(void *, endpoint) FIELD(unsigned long, badge)                  \
	FIELD(unsigned long, label) FIELD(unsigned int, handle)
TRACE_EVENT(nestling, ipc_send, "server=%s endpoint=%p badge=%lu label=0x%lx handle=%u",
	    REC->server, REC->endpoint, REC->badge, REC->label, REC->handle)

#define FIELDS_ipc_receive(FIELD, COMM, STRING)                                           \
	COMM(caller_comm) FIELD(pid_t, caller_pid) FIELD(void *, endpoint)                \
	FIELD(unsigned long, badge) FIELD(unsigned long, label) FIELD(unsigned int, handle)
TRACE_EVENT(nestling, ipc_receive, "caller_comm=%s caller_pid=%d endpoint=%p badge=%lu label=0x%lx handle=%u",
	    REC->caller_comm, REC->caller_pid, REC->endpoint, REC->badge, REC->label, REC->handle)

#define FIELDS_ipc_reply(FIELD, COMM, STRING)                                             \
	COMM(caller_comm) FIELD(pid_t, caller_pid) FIELD(void *, endpoint)                \
	FIELD(unsigned long, label) FIELD(unsigned int, handle)
TRACE_EVENT(nestling, ipc_reply, "caller_comm=%s caller_pid=%d endpoint=%p label=0x%lx handle=%u",
	    REC->caller_comm, REC->caller_pid, REC->endpoint, REC->label, REC->handle)

/* Processes have names, which needn't be unique; their threads are the scheduler's, too. */
#define FIELDS_process_create(FIELD, COMM, STRING) COMM(comm) FIELD(void *, process)
TRACE_EVENT(nestling, process_create, "comm=%s process=%p", REC->comm, REC->process)

#define FIELDS_process_exit(FIELD, COMM, STRING) COMM(comm) FIELD(void *, process) FIELD(int, status)
TRACE_EVENT(nestling, process_exit, "comm=%s process=%p status=%d", REC->comm, REC->process, REC->status)

#define FIELDS_user_thread_start(FIELD, COMM, STRING) \
	COMM(comm) FIELD(void *, process) FIELD(unsigned long, ip) FIELD(unsigned long, sp)
TRACE_EVENT(nestling, user_thread_start, "comm=%s process=%p ip=%lx sp=%lx",
	    REC->comm, REC->process, REC->ip, REC->sp)

#define FIELDS_user_thread_exit(FIELD, COMM, STRING) COMM(comm) FIELD(void *, process)
TRACE_EVENT(nestling, user_thread_exit, "comm=%s process=%p", REC->comm, REC->process)

/* Whatever has an interrupt's context: not int3, #DB, NMI. */
#define FIELDS_exception_entry(FIELD, COMM, STRING) \
	FIELD(int, vector) FIELD(unsigned long, ip) FIELD(unsigned long, error_code)
TRACE_EVENT(nestling, exception_entry, "vector=%d ip=%ps error_code=0x%lx",
	    REC->vector, (void *)REC->ip, REC->error_code)

#define FIELDS_exception_exit(FIELD, COMM, STRING) FIELD(int, vector) FIELD(unsigned long, ip)
TRACE_EVENT(nestling, exception_exit, "vector=%d ip=%ps", REC->vector, (void *)REC->ip)

/* The bytes are the first of what is written. */
#define FIELDS_text_poke(FIELD, COMM, STRING) \
	FIELD(unsigned long, addr) FIELD(unsigned int, len) FIELD(unsigned int, first)
TRACE_EVENT(nestling, text_poke, "addr=%ps len=%u first=%02x", (void *)REC->addr, REC->len, REC->first)

/* A probe was hit inside a probe's handler: its own handlers are left out. */
#define FIELDS_kprobe_missed(FIELD, COMM, STRING) FIELD(unsigned long, addr)
TRACE_EVENT(nestling, kprobe_missed, "addr=%ps", (void *)REC->addr)

#define FIELDS_rcu_grace_period(FIELD, COMM, STRING) \
	STRING(rcuname, 16) FIELD(long, gp_seq) STRING(gpevent, 8)
TRACE_EVENT(rcu, rcu_grace_period, "%s %ld %s", REC->rcuname, REC->gp_seq, REC->gpevent)

/* A CPU was found to have no reader from before: "dti" it is or was idle or a user's, "csw" it has switched. */
#define FIELDS_rcu_fqs(FIELD, COMM, STRING) \
	STRING(rcuname, 16) FIELD(long, gp_seq) FIELD(int, cpu) STRING(qsevent, 8)
TRACE_EVENT(rcu, rcu_fqs, "%s %ld %d %s", REC->rcuname, REC->gp_seq, REC->cpu, REC->qsevent)

#define FIELDS_rcu_callback(FIELD, COMM, STRING) \
	STRING(rcuname, 16) FIELD(void *, rhp) FIELD(void *, func) FIELD(long, qlen)
TRACE_EVENT(rcu, rcu_callback, "%s rhp=%p func=%ps %ld", REC->rcuname, REC->rhp, REC->func, REC->qlen)

#define FIELDS_rcu_invoke_callback(FIELD, COMM, STRING) \
	STRING(rcuname, 16) FIELD(void *, rhp) FIELD(void *, func)
TRACE_EVENT(rcu, rcu_invoke_callback, "%s rhp=%p func=%ps", REC->rcuname, REC->rhp, REC->func)

#define FIELDS_timer_expire_entry(FIELD, COMM, STRING) \
	FIELD(void *, timer) FIELD(unsigned long, now) FIELD(void *, function) FIELD(unsigned long, baseclk)
TRACE_EVENT(timer, timer_expire_entry, "timer=%p function=%ps now=%lu baseclk=%lu",
	    REC->timer, REC->function, REC->now, REC->baseclk)
/* clang-format on */
