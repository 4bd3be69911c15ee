/*
 * RCU's watching counter: one CPU runs context/watch.c, with an NMI between any two of its steps, and a
 * grace period on another CPU frees an object once the counter says that no reader can hold it.
 *
 * Spin tries every order of all steps; `make model` runs it. The steps have the order of the C lines they stand
 * for, and say so when a counter-example is printed.
 *
 * Broken on purpose, to be refuted:
 *   NO_BARRIER     flip() is a plain inc, and so no barrier
 *   NO_GP_BARRIER  the grace period reads the counter while its own store may still be on its way
 *   NO_NMI         an NMI doesn't tell RCU that it has come
 *   EARLY          rcu_nmi_enter() adds to its depth before it flips the counter
 */

mtype = { task, irq, nmi, int3, gp, store_buffer };
mtype = { watching, not_watching, yes, no };

/* DEFINE_PER_CPU(struct watch, watch). counter is what this CPU itself reads, in_memory what another CPU reads. */
byte counter = 1, in_memory = 1, nesting = 1, nmi_nesting;

/*
 * Counted modulo 4, so that there are finitely many states though there may be any number of NMIs. All that
 * this can do to the grace period is let it miss a change and wait longer.
 */
#define NEXT(n) ((n + 1) % 4)
#define IS_WATCHING (counter & 1)
#define WORD(condition, y, n) (condition -> y : n)

/* The object is linked until the grace period takes it out, then lives until it is freed. */
bool linked = true, freed;

/*
 * Who has the CPU, by rank. Each may be interrupted between any two steps by whoever has a higher rank, and goes
 * on when that has returned: this is what "provided" says.
 */
#define TASK 0
#define IRQ  1
#define NMI  2
#define INT3 3 /* a second NMI-like context: in the task, in an interrupt or in the NMI */
byte running = TASK;
bool interrupts_on = true;

/*
 * x86 lets a load overtake an earlier store: the store waits in the store buffer, where its own CPU sees it and
 * the others don't. Only the counter is read by another CPU. A locked addition leaves the buffer empty.
 */
inline flip(who)
{
#ifdef NO_BARRIER
	d_step {
		NEXT(counter) != in_memory; /* the buffer has room for three */
		counter = NEXT(counter);
		printf("%e: flip: %e, but that is still in the store buffer\n", who,
		       WORD(IS_WATCHING, watching, not_watching))
	}
#else
	d_step {
		counter = NEXT(counter);
		in_memory = counter;
		printf("%e: flip: %e\n", who, WORD(IS_WATCHING, watching, not_watching))
	}
#endif
}

#ifdef NO_BARRIER
active proctype store_buffer_of_the_cpu()
{
	do
	:: d_step {
		in_memory != counter;
		in_memory = NEXT(in_memory);
		printf("%e: the oldest store reaches memory: %e\n", store_buffer,
		       WORD(in_memory & 1, watching, not_watching))
	   }
	od
}
#endif

inline add(who, n)
{
	d_step {
		nmi_nesting = nmi_nesting + n;
		printf("%e: rcu_nmi_enter: nmi_nesting += %d: %d\n", who, n, nmi_nesting)
	}
}

inline rcu_nmi_enter(who)
{
	d_step {
		test = IS_WATCHING;
		printf("%e: rcu_nmi_enter: test: %e\n", who, WORD(test, watching, not_watching))
	}
	if
#ifdef EARLY
	:: !test -> add(who, 1); flip(who)
#else
	:: !test -> flip(who); add(who, 1)
#endif
	:: else -> add(who, 2)
	fi;
	test = false
}

inline rcu_nmi_exit(who)
{
	d_step {
		depth = nmi_nesting;
		printf("%e: rcu_nmi_exit: depth is %d\n", who, depth)
	}
	if
	:: depth != 1 ->
		d_step {
			nmi_nesting = depth - 2;
			printf("%e: rcu_nmi_exit: nmi_nesting = depth - 2: %d\n", who, nmi_nesting)
		}
	:: else ->
		d_step {
			nmi_nesting = 0;
			printf("%e: rcu_nmi_exit: nmi_nesting = 0\n", who)
		}
		flip(who)
	fi;
	depth = 0
}

inline rcu_irq_enter(who)
{
	d_step {
		test = (nesting == 0);
		nesting++;
		printf("%e: rcu_irq_enter: nesting++: %d\n", who, nesting)
	}
	if
	:: test ->
		d_step {
			test = (nmi_nesting == 0);
			printf("%e: rcu_irq_enter: in an NMI: %e\n", who, WORD(test, no, yes))
		}
		if
		:: test -> flip(who)
		:: else
		fi
	:: else
	fi;
	test = false
}

inline rcu_irq_exit(who)
{
	d_step {
		test = (nesting == 1);
		printf("%e: rcu_irq_exit: outermost: %e\n", who, WORD(test, yes, no))
	}
	if
	:: test ->
		d_step {
			test = (nmi_nesting == 0);
			printf("%e: rcu_irq_exit: in an NMI: %e\n", who, WORD(test, no, yes))
		}
		if
		:: test -> flip(who)
		:: else
		fi
	:: else
	fi;
	d_step {
		test = false;
		nesting--;
		printf("%e: rcu_irq_exit: nesting--: %d\n", who, nesting)
	}
}

/* Not asked in NO_NMI, which would end here: it shall go on to the harm that the rule prevents. */
inline must_be_watched(who)
{
#ifdef NO_NMI
	true
#else
	if
	:: !IS_WATCHING -> printf("%e: runs visible code, and RCU isn't watching\n", who); assert(false)
	:: else
	fi
#endif
}

inline reader(who)
{
	must_be_watched(who);
	d_step {
		p = linked;
		printf("%e: reader: finds the object: %e\n", who, WORD(p, yes, no))
	}
	if
	:: p && freed -> printf("%e: reader: uses the object, and it is freed\n", who); assert(false)
	:: p && !freed -> printf("%e: reader: uses the object\n", who)
	:: !p
	fi;
	p = false;
	must_be_watched(who)
}

/*
 * Whoever interrupts leaves all as it was; the counter may have moved on, but by an even number. Not asked in
 * EARLY, again to see the harm.
 */
inline arrive(who, rank)
{
	interrupted = running;
	running = rank;
	nesting_before = nesting;
	nmi_nesting_before = nmi_nesting;
	watching_before = IS_WATCHING;
	printf("%e: comes, RCU is %e\n", who, WORD(IS_WATCHING, watching, not_watching))
}

inline leave(who)
{
	atomic {
		printf("%e: returns, RCU is %e\n", who, WORD(IS_WATCHING, watching, not_watching));
#ifndef EARLY
		assert(nesting == nesting_before);
		assert(nmi_nesting == nmi_nesting_before);
		assert(IS_WATCHING == watching_before);
#endif
		running = interrupted;
		interrupted = 0;
		nesting_before = 0;
		nmi_nesting_before = 0;
		watching_before = 0
	}
}

/* do_nmi() or do_int3(); its handler may have a page fault, which do_exception() takes as an interrupt is taken. */
inline nmi_like(who, rank)
{
	d_step { running < rank; arrive(who, rank) }
#ifndef NO_NMI
	rcu_nmi_enter(who);
#endif
	reader(who);
	if
	:: rcu_irq_enter(who); reader(who); rcu_irq_exit(who)
	:: true
	fi;
#ifndef NO_NMI
	rcu_nmi_exit(who);
#endif
	leave(who)
}

/* The local variables of all these functions. */
#define LOCALS bool test, p; byte depth, interrupted, nesting_before, nmi_nesting_before, watching_before

active proctype int3_context() provided (running <= INT3)
{
	LOCALS;
	do
	:: nmi_like(int3, INT3)
	od
}

active proctype nmi_context() provided (running <= NMI)
{
	LOCALS;
	do
	:: nmi_like(nmi, NMI)
	od
}

/* do_irq() */
active proctype irq_context() provided (running <= IRQ)
{
	LOCALS;
	do
	:: d_step { running < IRQ && interrupts_on; arrive(irq, IRQ) }
	   rcu_irq_enter(irq);
	   reader(irq);
	   rcu_irq_exit(irq);
	   leave(irq)
	od
}

/* A thread that reads, and the idle thread's cpu_idle(), in any order. */
active proctype task_context() provided (running == TASK)
{
	bool test, p;
	do
	:: reader(task)
	:: d_step { interrupts_on = false; printf("%e: rcu_idle_enter\n", task) }
	   rcu_irq_exit(task);
	   d_step { interrupts_on = true; printf("%e: safe_halt\n", task) }
	   d_step { interrupts_on = false; printf("%e: rcu_idle_exit\n", task) }
	   rcu_irq_enter(task);
	   atomic {
		assert(nesting == 1 && nmi_nesting == 0 && IS_WATCHING);
		interrupts_on = true;
		printf("%e: local_irq_enable\n", task)
	   }
	od
}

/* The other CPU: it has a look, and waits until the counter is even or another than it was. */
active proctype grace_period()
{
	byte snapshot;

#ifdef NO_GP_BARRIER
	printf("%e: takes the object out, but that is still in the store buffer\n", gp);
#else
	d_step { linked = false; printf("%e: takes the object out\n", gp) }
#endif
	d_step {
		snapshot = in_memory;
		printf("%e: reads the counter: %e\n", gp, WORD(snapshot & 1, watching, not_watching))
	}
#ifdef NO_GP_BARRIER
	d_step { linked = false; printf("%e: the store reaches memory: the object is out\n", gp) }
#endif
	if
	:: !(snapshot & 1)
	:: snapshot & 1 ->
		d_step { in_memory != snapshot; printf("%e: reads the counter: it has changed\n", gp) }
	fi;
	d_step { freed = true; printf("%e: frees the object\n", gp) }
}
