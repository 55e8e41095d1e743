/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that stay in their slots (libfusion/core/talk/call_here.c)
 *
 * A caller makes CALLS calls to one owner, by its slot or by the queue.  The
 * owner's dispatcher attends to the slot or not, as it likes, sleeps when it
 * has found nothing, and answers each request at once or later.  With -DTIMED
 * the caller may give up.  DEATHS of caller and owner die wherever they are.
 *
 * No sleep has a time-out, so what is forgotten is a deadlock.
 *
 * Claims: no request is executed twice; each call of one who lives ends with
 * its own answer, given up, or failed, and then the owner is dead.
 *
 * -DBUG=n plants a bug that must be found (scripts/model runs them all):
 *   1  what has begun stays HERE when     4  the caller takes HERE off by a
 *      it is not attended any more           store
 *   2  no last look                       5  what is done is begun again
 *   3  the caller does not look again     6  not attended first, then what has
 *      after it has posted                   begun is taken off
 *   7  after the last look HERE is not    8  the dead owner's calls do not fail
 *      taken off                          9  attends for a request that has
 *                                            been given up
 */
#ifndef CALLS
#define CALLS 2
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef BUG
#define BUG 0
#endif
#ifdef TIMED
#define MAY_GIVE_UP true
#else
#define MAY_GIVE_UP false
#endif

#define IDLE 0
#define POSTED 1
#define DONE 2
#define FAILED 3

/* The slot's word, and what the request in it is: the call's number. */
byte state, seq, request;
bool here;
bool attended;
chan queue = [CALLS] of { byte };	/* seq */
chan later = [CALLS] of { byte };	/* what is answered later */
bool sleeping;
bool over, gone, caller_dead, owner_dead, reaped;
byte deaths;

byte executed[CALLS + 1], answered;

#define MINE(n) (state == POSTED && seq == (n))

inline execute(n)
{
	d_step {
		assert(executed[n] == 0);
		executed[n] = 1
	}
}

/* By a CAS. */
inline answer(n)
{
	d_step {
		if
		:: MINE(n) -> state = DONE; answered = request
		:: else
		fi
	}
}

proctype caller()
{
	byte n;
	bool h, took;

	{
		for (n : 1 .. CALLS) {
			h = attended;
			/* All of it was written before the word. */
			d_step {
				request = n;
				seq = n;
				here = h;
				state = POSTED
			}
			if
			:: gone ->
				d_step {
					if
					:: MINE(n) -> state = FAILED
					:: else
					fi
				}
			:: else
			fi;
#if BUG != 3
			if
			:: h && !attended ->
#if BUG == 4
				here = false;
				h = false
#else
				d_step {
					if
					:: MINE(n) && here ->
						here = false;
						h = false
					:: else
					fi
				}
#endif
			:: else
			fi;
#endif
			if
			:: !h && MINE(n) -> d_step { queue!n; sleeping = false }
			:: else
			fi;
			if
			:: state != POSTED
			:: MAY_GIVE_UP ->
				d_step {
					if
					:: state == POSTED -> state = IDLE
					:: else
					fi
				}
			fi;
			d_step {
				assert(state != DONE || answered == n);
				assert(state != FAILED || gone);
				state = IDLE
			}
		}
	}
	unless { caller_dead };
	over = true
}

/* Here and now, or by the other thread. */
inline handle(n)
{
	execute(n);
	if
	:: answer(n)
	:: later!n
	fi
}

inline look_here()
{
	n = 0;
	d_step {
		if
		:: (state == POSTED && here
#if BUG != 5
		    && seq != seen
#endif
		   ) -> n = seq
		:: else
		fi
	}
}

inline take_off(k)
{
	took = false;
	d_step {
		if
		:: MINE(k) && here -> here = false; took = true
		:: else
		fi
	}
}

inline close()
{
#if BUG == 6
	attended = false;
#endif
#if BUG != 1
	if
	:: begun -> take_off(seen)
	:: else
	fi;
#endif
	begun = false;
	attended = false;
	attends = false;
#if BUG != 2
	look_here();
	if
	:: n != 0 ->
#if BUG == 7
		took = true;
#else
		take_off(n);
#endif
		if
		:: took -> seen = n; handle(n)
		:: else
		fi
	:: else
	fi
#endif
}

proctype dispatcher()
{
	byte n, seen;
	bool attends, begun, took;

	{
end:		do
		:: queue?n ->
			if
			:: (MINE(n) || BUG == 9) && !attends ->
				attended = true;
				attends = true
			:: true
			fi;
			if
			:: MINE(n) -> handle(n)
			:: else
			fi
		:: attends && state == POSTED && here && seq != seen ->
			look_here();
			if
			:: n != 0 ->
				seen = n;
				begun = true;
				/* Was it given up while it was copied? */
				if
				:: MINE(n) -> handle(n)
				:: else
				fi
			:: else
			fi
#if BUG == 5
		:: attends && state == POSTED && here -> handle(seq)
#endif
		:: len(queue) == 0 ->
			if
			:: attends -> close()
			:: else
			fi;
			d_step {
				if
				:: len(queue) == 0 -> sleeping = true
				:: else
				fi
			}
endsleep:		!sleeping
		od
	}
	unless { owner_dead }
}

/* Another thread of the owner. */
proctype answers_later()
{
	byte n;

	{
end:		do
		:: later?n -> answer(n)
		od
	}
	unless { owner_dead }
}

proctype reaper()
{
end:	do
	:: deaths < DEATHS && !caller_dead && !over ->
		caller_dead = true;
		deaths++;
		d_step {
			if
			:: state == POSTED -> state = IDLE
			:: else
			fi
		}
	:: deaths < DEATHS && !owner_dead ->
		owner_dead = true;
		deaths++;
		gone = true;
#if BUG != 8
		d_step {
			if
			:: state == POSTED -> state = FAILED
			:: else
			fi
		}
#endif
	od
}

init
{
	atomic {
		run caller();
		run dispatcher();
		run answers_later();
		run reaper()
	}
	if
	:: over
	/* Nobody can do anything any more. */
	:: timeout -> assert(over)
	fi
}
