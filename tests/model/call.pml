/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls (libfusion/core/talk/call.h) with deaths at any step
 *
 * A caller makes CALLS calls, each with a time-out or without.  The owner has
 * two threads that both return the answer to each: the handler, and one that
 * answers what was deferred.  Somebody destroys the call at any time, or does
 * not.  DEATHS of caller and owner die wherever they are.  Every answer is a
 * block.  There are two slots, since one may be abandoned.
 *
 * No sleep has a time-out here, but that which the caller asked for.
 *
 * Claims: each call of one who lives ends, with the answer to this call, as
 * timed out, or failed because the owner is dead or the call destroyed, which
 * is true then.  "Not executed" (EHOSTDOWN) is true, too.  A block is freed or
 * delivered once; all slots come back.
 *
 * -DBUG=n plants a bug that must be found (scripts/model runs them all):
 *   1  the callee looks for SLEEP before  5  an abandoned slot is not freed
 *      the CAS, not in it                 6  no look at the owner once posted
 *   2  recovery of the owner wakes        7  a death between DONE and the wake
 *      nobody                                is not seen
 *   3  who returns does not look at seq   8  SLEEP is a store, not a CAS
 *   4  a time-out is a store, not a CAS   9  recovery of a caller forgets DONE
 *  10  the handler's thread forgets the  12  a deferred call is not noted
 *      call before it has answered
 *  11  recovery notes nothing begun
 */
#ifndef CALLS
#define CALLS 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef BUG
#define BUG 0
#endif
#define CALLER 1
#define HANDLER 2	/* a thread of the owner, as is the next */
#define DEFERRED 3

#define IDLE 0
#define POSTED 1
#define RETURNING 2
#define DONE 3
#define FAILED 4
#define SLEEP 8
#define ABANDONED 16
#define FLAGS (SLEEP | ABANDONED)
/* A slot's word: state and flags; who returns, or the error; seq. */
#define MAKE(seq, state, flags, extra) \
	((state) | (flags) | ((extra) << 5) | ((seq) << 8))
#define STATE(st) ((st) & 7)
#define EXTRA(st) (((st) >> 5) & 7)
#define SEQ(st) ((st) >> 8)

#define EHOSTDOWN 1
#define EIDRM 2
#define TIMEOUT 3
#define ANSWER 4
#define ECONNRESET 5

short st[2];
byte taken[2], block[2];
/* thread_rec.call */
bool op[4];
byte at[4], at_seq[4];

/* thread_rec.exec, as ID(); slot.since_ns */
byte exec[4];
bool begun[2];

bool destroyed, gone;		/* the call, its owner */
bool asleep;
byte on;			/* the caller, on this slot */
bool dead[4], done, reaped[4];

/* Requests: slot, seq. */
chan queue = [CALLS] of { byte, byte };
chan later = [CALLS] of { byte, byte };

/* Ghosts: for which seq of which slot an answer is, its block's fate. */
#define MADE 1
#define GONE 2
#define ID(s, seq) (1 + (s) * (CALLS + 1) + (seq))
#define IDS (2 * (CALLS + 1) + 1)
byte fate[IDS];
bool ran[IDS];			/* its handler has begun */

/* For use in a d_step. */
inline tell(s, word)
{
	if
	:: ((word) & SLEEP) && asleep && on == s -> asleep = false
	:: else
	fi
}

inline free_block(s)
{
	if
	:: block[s] != 0 ->
		assert(fate[block[s]] == MADE);
		fate[block[s]] = GONE;
		block[s] = 0
	:: else
	fi
}

/* It is idle, and the caller's no more. */
inline to_idle(s)
{
	st[s] = MAKE(SEQ(st[s]) + 1, IDLE, 0, 0);
	taken[s] = 0
}

/* Posted: fails.  Failed by who died before he could tell: told again. */
inline fail(s, error)
{
	w = 0;
	d_step {
		if
		:: STATE(st[s]) == POSTED ->
			w = st[s];
			st[s] = MAKE(SEQ(w), FAILED, w & SLEEP, error)
		:: STATE(st[s]) == FAILED -> w = st[s]
		:: else
		fi
	}
	d_step {
#if BUG == 2
		if
		:: error == EIDRM -> tell(s, w)
		:: else
		fi;
#else
		tell(s, w);
#endif
		w = 0
	}
}

/* --- The caller ----------------------------------------------------------- */

/* What has come back: used, then the slot is free. */
inline collect()
{
	d_step {
		w = st[s];
		if
		:: STATE(w) == DONE ->
			result = ANSWER;
			assert(block[s] == ID(s, SEQ(w)))
		:: else -> result = EXTRA(w)
		fi
	}
	d_step { free_block(s) }
	d_step { to_idle(s); w = 0 }
}

/* The time is up. */
inline withdraw()
{
#if BUG == 4
	w = st[s];
#endif
	d_step {
		if
#if BUG == 4
		:: STATE(w) == POSTED ->
#else
		:: STATE(st[s]) == POSTED ->
#endif
			to_idle(s);
			result = TIMEOUT
		:: else
		fi;
		w = 0
	}
	/* Somebody is at it: wait, or leave it to him. */
	if
	:: result == 0 && STATE(st[s]) == RETURNING ->
		if
		:: true ->
			d_step {
				if
				:: STATE(st[s]) == RETURNING ->
					st[s] = st[s] | ABANDONED;
					result = TIMEOUT
				:: else
				fi
			}
		:: true
		fi
	:: else
	fi
}

inline wait_answer(timed)
{
	do
	:: result != 0 -> break
	:: result == 0 ->
		w = st[s];
		if
		:: STATE(w) == DONE || STATE(w) == FAILED -> collect()
		:: else ->
			d_step {
				armed = false;
				if
#if BUG == 8
				:: true ->
					w = w | SLEEP;
					st[s] = w;
#else
				:: st[s] == w ->
					w = w | SLEEP;
					st[s] = w;
#endif
					armed = true
				:: else
				fi
			}
			d_step {
				if
				:: armed && st[s] == w -> asleep = true; on = s
				:: else
				fi;
				w = 0; armed = false
			}
			if
			:: !asleep
			:: timed && asleep -> asleep = false; withdraw()
			fi
		fi
	od
}

/* Nobody knows of it yet; or he who destroyed it does. */
inline call_drop()
{
	d_step {
		if
		:: STATE(st[s]) == POSTED ->
			to_idle(s);
			result = (destroyed -> EIDRM : EHOSTDOWN)
		:: else
		fi
	}
}

inline call_it(timed)
{
	if
	:: destroyed -> result = EIDRM
	:: gone -> result = EHOSTDOWN
	:: !destroyed && !gone ->
		/* There is one: the other may be abandoned. */
		if
		:: d_step { taken[0] == 0 -> taken[0] = 1; s = 0 }
		:: d_step { taken[0] != 0 && taken[1] == 0 -> taken[1] = 1; s = 1 }
		fi;
		d_step {
			begun[s] = false;
			st[s] = MAKE(SEQ(st[s]), POSTED, 0, 0);
			seq = SEQ(st[s]);
			posted = true
		};
#if BUG != 6
		if
		:: destroyed || gone -> call_drop()
		:: else -> queue!s,seq
		fi;
#else
		queue!s,seq;
#endif
		wait_answer(timed)
	fi;
	atomic {
		assert(result != EIDRM || destroyed);
		assert(result != EHOSTDOWN || dead[HANDLER]);
		assert(result != EHOSTDOWN || !posted || !ran[ID(s, seq)]);
		assert(result != ECONNRESET || dead[HANDLER]);
		posted = false;
		assert(result != TIMEOUT || timed);
		result = 0; s = 0; seq = 0
	}
}

proctype caller()
{
	byte n, s, seq, result;
	short w;
	bool armed, posted;

	{
		do
		:: n < CALLS ->
			if
			:: call_it(true)
			:: call_it(false)
			fi;
			n++
		:: else -> break
		od;
		done = true
	} unless { dead[CALLER] }
}

/* --- The owner ------------------------------------------------------------ */

/* RETURNING by i: the end of it. */
inline finish(i, s, state, error)
{
#if BUG == 1
	slept = st[s] & SLEEP;
#endif
	if
	:: st[s] & ABANDONED ->
#if BUG != 5
		d_step { free_block(s) }
		d_step { to_idle(s) }
#else
		skip
#endif
	:: else ->
		d_step {
			if
			:: st[s] & ABANDONED
			:: else ->
				w = st[s];
				st[s] = MAKE(SEQ(w), state, w & SLEEP, error);
#if BUG == 1
				w = slept
#endif
			fi
		}
		if
		:: STATE(st[s]) == RETURNING && (st[s] & ABANDONED) &&
		   EXTRA(st[s]) == i ->
#if BUG != 5
			d_step { free_block(s) }
			d_step { to_idle(s) }
#else
			skip
#endif
		:: else
		fi;
		d_step { tell(s, w); w = 0 }
	fi
}

inline return_it(i, s, seq)
{
	d_step { at[i] = s; at_seq[i] = seq; op[i] = true };
	d_step {
		got = false;
		if
		:: STATE(st[s]) == POSTED &&
#if BUG != 3
		   SEQ(st[s]) == seq &&
#endif
		   true ->
			st[s] = MAKE(SEQ(st[s]), RETURNING, st[s] & FLAGS, i);
			got = true
		:: else
		fi
	}
	if
	:: got ->
		d_step {
			assert(block[s] == 0);
			block[s] = ID(s, seq);
			assert(fate[block[s]] == 0);
			fate[block[s]] = MADE
		}
		finish(i, s, DONE, 0)
	:: else
	fi;
	d_step { op[i] = false; got = false }
}

proctype handler()
{
	byte s, seq;
	short w;
	bool got, slept;

	{
end:		do
		:: queue?s,seq ->
			/* call_run(); it is wanted. */
			exec[HANDLER] = ID(s, seq);
			ran[ID(s, seq)] = true;
			if
			:: true ->
				/* Another thread answers, or this one. */
#if BUG != 12
				begun[s] = true;
#endif
				later!s,seq;
				if
				:: true ->
#if BUG == 10
					exec[HANDLER] = 0;
#endif
					return_it(HANDLER, s, seq)
				:: true
				fi
			:: true ->
#if BUG == 10
				exec[HANDLER] = 0;
#endif
				return_it(HANDLER, s, seq)
			fi;
			exec[HANDLER] = 0;
			d_step { s = 0; seq = 0 }
		od
	} unless { dead[HANDLER] }
}

proctype deferred()
{
	byte s, seq;
	short w;
	bool got, slept;

	{
end:		do
		:: later?s,seq ->
			return_it(DEFERRED, s, seq);
			d_step { s = 0; seq = 0 }
		od
	} unless { dead[DEFERRED] }
}

/* call_fini() */
proctype destroyer()
{
	short w;

	if
	:: true ->
		destroyed = true;
		fail(0, EIDRM);
		fail(1, EIDRM)
	:: true
	fi
}

/* --- Recovery ------------------------------------------------------------- */

inline recover_return(i)
{
	if
	:: op[i] ->
		s = at[i];
		if
		:: SEQ(st[s]) == at_seq[i] && STATE(st[s]) == RETURNING &&
		   EXTRA(st[s]) == i ->
			d_step { free_block(s) }
			finish(i, s, FAILED, ECONNRESET)
		:: else ->
#if BUG != 7
			d_step { tell(s, st[s]) }
#else
			skip
#endif
		fi;
		op[i] = false;
		s = 0
	:: else
	fi
}

/* call_recover(): what the dead thread was executing.  Only the request that it
 * names. */
inline recover_exec(i)
{
#if BUG != 11
	d_step {
		if
		:: exec[i] == ID(0, SEQ(st[0])) -> begun[0] = true
		:: exec[i] == ID(1, SEQ(st[1])) -> begun[1] = true
		:: else
		fi
	}
#endif
	exec[i] = 0
}

inline recover_owner()
{
	gone = true;
	recover_return(HANDLER);
	recover_exec(HANDLER);
	recover_return(DEFERRED);
	fail(0, (begun[0] -> ECONNRESET : EHOSTDOWN));
	fail(1, (begun[1] -> ECONNRESET : EHOSTDOWN));
	reaped[HANDLER] = true
}

inline recover_slot(s)
{
	/* Until it is somebody else's to end. */
	if
	:: taken[s] == 1 ->
		d_step {
			if
			:: STATE(st[s]) == RETURNING -> st[s] = st[s] | ABANDONED
			:: STATE(st[s]) == POSTED || STATE(st[s]) == IDLE -> to_idle(s)
			:: else
			fi
		}
		if
		:: taken[s] == 1 && STATE(st[s]) >= DONE ->
#if BUG != 9
			d_step { free_block(s) }
#endif
			d_step { to_idle(s) }
		:: else
		fi
	:: else
	fi
}

inline recover_caller()
{
	asleep = false;
	recover_slot(0);
	recover_slot(1);
	reaped[CALLER] = true
}

proctype reaper()
{
	byte s;
	short w;
	bool slept;

end:	do
	:: dead[CALLER] && !reaped[CALLER] -> recover_caller()
	:: dead[HANDLER] && !reaped[HANDLER] -> recover_owner()
	od
}

proctype killer()
{
	byte kills;

	do
	:: kills < DEATHS ->
		if
		:: d_step { !done && !dead[CALLER] -> dead[CALLER] = true }
		:: d_step { !dead[HANDLER] ->
			dead[HANDLER] = true; dead[DEFERRED] = true }
		:: break
		fi;
		kills++
	:: else -> break
	od
}

/* --- The end -------------------------------------------------------------- */

proctype watcher()
{
	byte i;

end:	timeout ->
	d_step {
		assert(done || dead[CALLER]);
		assert(taken[0] == 0 && taken[1] == 0);
		assert(STATE(st[0]) == IDLE && STATE(st[1]) == IDLE);
		i = 0;
		do
		:: i < IDS -> assert(fate[i] != MADE); i++
		:: else -> break
		od
	}
}

init {
	atomic {
		run caller();
		run handler();
		run deferred();
		run destroyer();
		run reaper();
		run killer();
		run watcher()
	}
}
