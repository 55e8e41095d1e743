/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The skirmish (libfusion/core/locks/skirmish.h) with deaths at any step
 *
 * Three threads take the lock ROUNDS times each, in the short way or through
 * the queue, with a time-out or without; DEATHS of them die wherever they are;
 * a reaper recovers the dead by what they announced.  With -DCOND thread 1
 * waits for a notify of the others instead.
 *
 * Naps are not modelled: nobody is woken but by a wake.  So what the real code
 * would mend by looking again after a while is a deadlock here.
 *
 * Claims: two who live are never inside at once; who comes after one that died
 * inside is told, until one of those that were told has mended; nobody is told
 * of a death inside that was mended; when nothing moves any more, all who live
 * are through.
 *
 * -DBUG=n plants a bug that must be found (scripts/model runs them all):
 *   1  recovery wakes nobody                 5  wait reads seq after it let go
 *   2  hand-over in two stores               6  a notified thread takes the lock
 *   3  withdrawal is a store, not a CAS         without WAIT
 *   4  who withdraws leaves no WAIT          7  announced only when held
 *   9  unlock forgets the mark               8  struck out before the word
 *   10 recovery does not count seq on
 */
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#ifndef BUG
#define BUG 0
#endif
#define N 3

/* The word, and what belongs to it. */
byte owner, heir;
bool wait, died;
byte seq;

bool announced[N + 1], asleep[N + 1], dead[N + 1], done[N + 1], reaped[N + 1];
bool on_seq[N + 1];	/* asleep on seq, not on the word */
bool notified;		/* what the condition is about */
byte inside;		/* ghost: who is in the critical section */
bool hurt;		/* ghost: somebody died inside, nobody has mended it */

/* The kernel: asleep only if the low half is still what was seen. */
inline futex_wait(i)
{
	d_step {
		if
		:: owner == so && wait && died == sd -> asleep[i] = true
		:: else
		fi;
		so = 0;
		sd = false
	}
}

inline wake_one()
{
	if
	:: asleep[1] && !on_seq[1] -> asleep[1] = false
	:: asleep[2] && !on_seq[2] -> asleep[2] = false
	:: asleep[3] && !on_seq[3] -> asleep[3] = false
	:: else
	fi
}

inline wake_all()
{
	d_step {
		asleep[1] = false; asleep[2] = false; asleep[3] = false;
		on_seq[1] = false; on_seq[2] = false; on_seq[3] = false
	}
}

inline enter(i)
{
	d_step {
		assert(inside == 0 || dead[inside]);
		hurt = hurt || inside != 0;
		assert(!hurt || died);
		inside = i
	}
}

/* take(): one attempt, as often as the word changes under it. */
inline attempt(i, more, got)
{
	d_step {
		if
		:: owner == 0 ->
			owner = i;
			wait = wait || more;
			if
			:: heir == i -> heir = 0
			:: else
			fi;
			got = true
		:: else -> got = false
		fi
	}
}

inline withdraw(i, got)
{
#if BUG == 3
	/* Two steps: it may be handed over in between. */
	got = (owner == i);
	d_step {
		if
		:: !got ->
			wait = true;
			if
			:: heir == i -> heir = 0
			:: else
			fi
		:: else
		fi
	}
#else
	d_step {
		if
		:: owner == i -> got = true
		:: else ->
			got = false;
#if BUG != 4
			wait = true;
#endif
			if
			:: heir == i -> heir = 0
			:: else
			fi
		fi
	}
#endif
	if
	:: !got && owner == 0 && BUG != 4 -> wake_one()
	:: else
	fi
}

/* One look of a sleeper: take it, or leave WAIT, and be heir if @inherit. */
inline look(i, inherit, got)
{
	d_step {
		if
		:: owner == i -> got = true
		:: owner == 0 ->
			owner = i;
			wait = true;
			if
			:: heir == i -> heir = 0
			:: else
			fi;
			got = true
		:: else ->
			wait = true;
			if
			:: inherit && heir == 0 -> heir = i
			:: else
			fi;
			so = owner;
			sd = died
		fi
	}
}

/* got: it is ours.  Only with @timed may it end otherwise. */
inline queue(i, more, timed, got)
{
	attempt(i, more, got);	/* the spin */
	do
	:: got -> break
	:: else ->
		/* A wait that has lasted inherits. */
		if
		:: look(i, true, got)
		:: look(i, false, got)
		fi;
		if
		:: got -> break
		:: else -> futex_wait(i)
		fi;
		if
		:: !asleep[i]
		:: timed && asleep[i] ->
			asleep[i] = false;
			withdraw(i, got);
			break
		fi
	od
}

/* The thread that is told mends or does not; the mark goes only if it mends. */
inline mend(i)
{
	if
	:: died -> d_step { assert(owner == i); hurt = false; died = false }
	:: true
	fi
}

#if BUG == 9
#define FORGET died = false
#else
#define FORGET skip
#endif

inline give(i)
{
#if BUG == 2
	d_step { inside = 0; ho = heir };
	if
	:: ho != 0 -> heir = 0; d_step { owner = ho; wait = true }
	:: else -> d_step { sw = wait; owner = 0; wait = false }
	fi;
#else
	d_step {
		inside = 0; ho = heir; sw = wait;
		if
		:: heir != 0 -> owner = heir; wait = true; heir = 0
		:: else -> owner = 0; wait = false
		fi;
		FORGET
	}
#endif
	if
	:: ho != 0 -> asleep[ho] = asleep[ho] && on_seq[ho]
	:: ho == 0 && sw -> wake_one()
	:: else
	fi;
	d_step { ho = 0; sw = false }
}

inline announce(i)
{
#if BUG != 7
	announced[i] = true
#else
	skip
#endif
}

inline lock(i, timed, got)
{
	announce(i);
	d_step {
		if
		:: owner == 0 && !wait && !died && heir == 0 ->
			owner = i; got = true
		:: else -> got = false
		fi
	}
	if
	:: !got -> queue(i, false, timed, got)
	:: else
	fi;
#if BUG == 7
	announced[i] = got;
#endif
	if
	:: got -> enter(i); mend(i)
	:: else -> announced[i] = false
	fi
}

inline unlock(i)
{
#if BUG == 8
	announced[i] = false;
#endif
	give(i);
	announced[i] = false
}

inline cond_wait(i)
{
	ss = seq;
	give(i);
#if BUG == 5
	ss = seq;
#endif
	d_step {
		if
		:: seq == ss -> asleep[i] = true; on_seq[i] = true
		:: else
		fi
	}
	!asleep[i];
	d_step { on_seq[i] = false; got = false; ss = 0 }
#if BUG == 6
	queue(i, false, false, got);
#else
	queue(i, true, false, got);
#endif
	enter(i)
}

/* Sleepers on seq go over to the word's queue. */
inline notify(i)
{
	seq++;
	wait = true;	/* mine: nobody takes it away */
	d_step {
		on_seq[1] = false; on_seq[2] = false; on_seq[3] = false
	}
}

proctype thread(byte me)
{
	byte round, so, ho, ss;
	bool sw, sd, got;

	{
#ifdef COND
		if
		:: me == 1 ->
			lock(me, false, got);
			do
			:: notified -> break
			:: else -> cond_wait(me)
			od;
			unlock(me)
		:: else ->
			do
			:: round < ROUNDS ->
				lock(me, false, got);
				notified = true;
				notify(me);
				unlock(me);
				round++
			:: else -> break
			od
		fi;
#else
		do
		:: round < ROUNDS ->
			/* One of them has a time-out. */
			lock(me, (me == 3), got);
			if
			:: got -> unlock(me)
			:: else
			fi;
			round++
		:: else -> break
		od;
#endif
		done[me] = true
	} unless { dead[me] }
}

proctype killer()
{
	byte kills;

	do
	:: kills < DEATHS ->
		if
		:: d_step { !done[1] && !dead[1] -> dead[1] = true }
		:: d_step { !done[2] && !dead[2] -> dead[2] = true }
		:: d_step { !done[3] && !dead[3] -> dead[3] = true }
		:: break
		fi;
		kills++
	:: else -> break
	od
}

inline reap(i)
{
	if
	:: announced[i] ->
		d_step {
			if
			:: heir == i -> heir = 0
			:: else
			fi;
			if
			:: owner == i -> owner = 0; wait = false; died = true
			:: else
			fi
		}
#if BUG != 1
#if BUG != 10
		/* Also for a thread that is on the way to sleep. */
		seq++;
#endif
		wake_all();
#endif
		announced[i] = false
	:: else
	fi;
	d_step { asleep[i] = false; on_seq[i] = false; reaped[i] = true }
}

proctype reaper()
{
end:	do
	:: dead[1] && !reaped[1] -> reap(1)
	:: dead[2] && !reaped[2] -> reap(2)
	:: dead[3] && !reaped[3] -> reap(3)
	od
}

#define THROUGH(i) (done[i] || dead[i])

/* Nothing moves: then nobody may be waiting for something that was to come. */
proctype watcher()
{
end:	timeout ->
#ifdef COND
	assert(THROUGH(1) || (!notified && on_seq[1]));
#else
	assert(THROUGH(1));
#endif
	assert(THROUGH(2));
	assert(THROUGH(3))
}

init {
	atomic {
		run thread(1);
		run thread(2);
		run thread(3);
		run killer();
		run reaper();
		run watcher()
	}
}
