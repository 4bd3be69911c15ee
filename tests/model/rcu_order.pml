/*
 * Two orders of rcu/: what was taken out is out before the updater notes which grace period will do (rcu_seq_snap()),
 * and a switch is seen before any reader from then on looks (switch_away()).
 *
 * One CPU takes an object out and waits for an expedited grace period, another has one of its own going, a third reads
 * and switches threads. As in rcu_watch.pml, spin tries every order, and a store may wait in its CPU's store buffer.
 *
 * Broken on purpose, to be refuted:
 *   NO_SNAP_BARRIER    the grace-period number is read while the store is still on its way
 *   NO_SWITCH_BARRIER  the count of switches is a plain inc; the lock comes after the tracer of spin_lock()'s entry
 */

/* Of the third CPU; counted modulo 4, which can only make a grace period longer. */
byte switches, in_memory;
#define NEXT(n) ((n + 1) % 4)

bool linked = true, freed;
byte seq;
bool mutex;

/* rcu_wait_for_cpus(): the two updaters' CPUs have no reader. */
inline grace_period()
{
	seq++;
	d_step { snapshot = in_memory; printf("gp: begins, number %d: notes %d switches\n", seq, snapshot) }
	d_step { in_memory != snapshot; printf("gp: there has been a switch\n") }
	seq++
}

active proctype updater()
{
	byte snapshot, enough;

#ifdef NO_SNAP_BARRIER
	printf("updater: takes the object out, but that is still in the store buffer\n");
#else
	d_step { linked = false; printf("updater: takes the object out\n") }
#endif
	d_step { enough = ((seq + 3) / 2) * 2; printf("updater: number %d will do\n", enough) }
	d_step { !mutex; mutex = true; linked = false; printf("updater: has the mutex; the object is out\n") }
	if
	:: seq < enough -> grace_period()
	:: seq >= enough -> printf("updater: somebody else's has done\n")
	fi;
	d_step { freed = true; printf("updater: frees the object\n") }
	mutex = false
}

active proctype other_updater()
{
	byte snapshot;

	d_step { !mutex; mutex = true }
	grace_period();
	mutex = false
}

inline reader()
{
	d_step { p = linked; printf("reader: finds the object: %d\n", p) }
	if
	:: p && freed -> printf("reader: uses the object, and it is freed\n"); assert(false)
	:: p && !freed -> printf("reader: uses the object\n")
	:: !p
	fi;
	p = false
}

active proctype switching_cpu()
{
	bool p;

	do
	::
#ifdef NO_SWITCH_BARRIER
	   d_step {
		switches = NEXT(switches);
		printf("switch: %d, but that is still in the store buffer\n", switches)
	   }
#else
	   d_step { switches = NEXT(switches); in_memory = switches; printf("switch: %d\n", switches) }
#endif
	   reader(); /* a tracer's, at spin_lock()'s entry */
#ifdef NO_SWITCH_BARRIER
	   in_memory = switches; /* the lock */
#endif
	   reader() /* the next thread's */
	od
}

#ifdef NO_SWITCH_BARRIER
active proctype store_buffer()
{
	do
	:: d_step { in_memory != switches; in_memory = switches; printf("switch: the store reaches memory\n") }
	od
}
#endif
