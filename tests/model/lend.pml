/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lending a skirmish through a chain of calls (libfusion/core/skirmish.h and
 * call.h) with deaths at any step
 *
 * A has the lock and calls B, with a time-out or without; B calls C.  B and C
 * may take the lock before, meanwhile or after: they borrow it, or take it as
 * others do, without waiting.  A stranger takes it whenever it is free.  DEATHS
 * of A, B and C die wherever they are, and so does who recovers them, once.
 *
 * Claims: nobody is inside beside another (but those who wait in a call for
 * him); who goes on, or takes the lock, after somebody has died inside is told;
 * at the end the lock is free and nothing is announced.
 *
 * -DBUG=n plants a bug that must be found (scripts/model runs them all):
 *   1  who gives up does not look for borrowers
 *   2  recovery of a borrower does not mark the lock
 *   3  recovery of a lender gives the lock to no borrower
 *   4  ... to the innermost one
 *   5  ... and does not look whether he has given it back meanwhile
 *   6  ... nor that it is still the lock that he was given
 *   7  who tries, is given the lock of the dead and does not see it
 *   8  the borrower does not look again who has the lock
 *   9  ... nor, when he says that he has borrowed, whether the lender waits
 *   10 who gives back does not look whether it has become his
 *
 * -DPATIENT: nobody gives a call up.
 */
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef BUG
#define BUG 0
#endif
#ifdef PATIENT
#define TIMED false
#else
#define TIMED true
#endif
#define A 1
#define B 2
#define C 3
#define STRANGER 4

#define IDLE 0
#define POSTED 1
#define DONE 2
#define FAILED 3

#define NOTHING 0
#define OWN 1
#define BORROWED 2
#define BORROWING 3

/* The lock's word. */
byte owner;
bool died, gift;		/* the second: its heir is its owner */
byte ann[5];

/* Slot s: thread s waits for thread s + 1.  In the high bit of what B and C
 * execute is nothing; it is the seq of their caller's slot, 0 none. */
byte st[3], seq[3];
bool lent[3], closed[3];
byte exec[5], request[5];

/* Ghosts. */
bool inside[5];
bool hurt;			/* somebody died inside, nobody was told */
bool dead[5], reaped[5], ended[5];

#define NOBODY_INSIDE (!inside[A] && !inside[B] && !inside[C] && !inside[STRANGER])

/* Does i wait, further down the chain of what executes? */
#define WAITS(s) (st[s] != IDLE)
#define CALLER_OF(i) ((i) - 1)
#define CHAINED(i) \
	(exec[i] != 0 && seq[CALLER_OF(i)] == exec[i] && WAITS(CALLER_OF(i)))

/* Is t me, or does he wait for me? */
#define ABOVE(me, t) \
	((t) == (me) || \
	 ((me) == B && (t) == A && CHAINED(B)) || \
	 ((me) == C && (t) == B && CHAINED(C)) || \
	 ((me) == C && (t) == A && CHAINED(C) && CHAINED(B)))

inline enter_cs(i)
{
	d_step {
		assert(NOBODY_INSIDE);
		inside[i] = true
	}
}

/* --- Borrowing ------------------------------------------------------------ */

/* Slot s, whose seq is n: LENT, if it still waits. */
inline lend_slot(s, n)
{
	d_step {
		ok = ok && n != 0 && seq[s] == n && st[s] == POSTED && !closed[s];
		if
		:: ok -> lent[s] = true
		:: else
		fi
	}
}

inline call_lend(i, to)
{
	ok = true;
	lend_slot(CALLER_OF(i), exec[i]);
	if
	:: ok && to != CALLER_OF(i) && i == C ->
		lend_slot(A, exec[B]);
		ok = ok && to == A
	:: else -> ok = ok && to == CALLER_OF(i)
	fi
}

inline borrow(i)
{
	o = owner;
	if
	:: o != 0 && o != i && exec[i] != 0 ->
		ann[i] = BORROWING;
		call_lend(i, o);
#if BUG != 8
		ok = ok && owner == o && ann[o] != NOTHING;
#endif
		if
		:: ok ->
			ann[i] = BORROWED;
#if BUG != 9
			/* He waits still, so it was his in between. */
			call_lend(i, o);
#endif
		:: else
		fi;
		if
		:: ok -> has = true
		:: else ->
			ann[i] = NOTHING;
			d_step {
				if
				:: owner == i -> owner = 0; gift = false
				:: else
				fi
			}
		fi
	:: else
	fi;
	d_step { o = 0; ok = false }
}

/* Take it, without waiting.  What was announced stands for what is held. */
inline try(i)
{
	ann[i] = OWN;
	d_step {
		if
		:: owner == 0 -> owner = i; has = true
		:: else
		fi
	}
	if
	:: has ->
		d_step { assert(!hurt || died); hurt = false }
	:: else ->
		ann[i] = NOTHING;
#if BUG != 7
		d_step {
			if
			:: owner == i -> owner = 0; gift = false
			:: else
			fi
		}
#endif
	fi
}

inline acquire(i)
{
	borrow(i);
	if
	:: has
	:: !has -> try(i)
	fi;
	if
	:: has -> enter_cs(i)
	:: !has
	fi
}

/* Given back; what the dead have left is said to the next one, or was said. */
inline release(i)
{
	inside[i] = false;
	if
	:: ann[i] == BORROWED && owner != i ->
		ann[i] = NOTHING;
#if BUG != 10
		d_step {
			if
			:: owner == i -> owner = 0; gift = false
			:: else
			fi
		}
#endif
	:: else ->
		/* Its own, or the dead lender's. */
		ann[i] = OWN;
		d_step { assert(owner == i); owner = 0; died = false; gift = false };
		ann[i] = NOTHING
	fi;
	has = false
}

/* --- Calls ---------------------------------------------------------------- */

/* Has t borrowed what is mine, or who waits for me has, or what I have
 * borrowed? */
inline look_for(i, t)
{
	if
	:: ann[t] >= BORROWED ->
		o = owner;
		if
		:: o != 0 && (ABOVE(i, o) || ann[i] >= BORROWED) &&
		   !ABOVE(i, t) -> busy = true
		:: else
		fi
	:: else
	fi;
	o = 0
}

inline look_for_borrowers(i)
{
	busy = false;
	if
	:: i == A -> look_for(i, B)
	:: else
	fi;
	look_for(i, C)
}

inline await_borrowers(i)
{
	do
	:: look_for_borrowers(i);
		if
		:: busy
		:: else -> break
		fi
	od
}

/* Nobody borrows through the slot any more; if nobody has, it is withdrawn. */
inline give_up(i)
{
	closed[i] = true;
	look_for_borrowers(i);
#if BUG == 1
	busy = false;
#endif
	atomic {
		if
		:: !busy && st[i] == POSTED ->
			st[i] = IDLE;
			seq[i]++;
			late = true
		:: else
		fi;
		busy = false
	}
}

inline call_next(i, timed)
{
	atomic { inside[i] = false; st[i] = POSTED };
	request[i + 1] = seq[i];
	/* Does he live?  Who takes him out fails what is posted after that. */
	if
	:: reaped[i + 1] ->
		atomic {
			if
			:: st[i] == POSTED -> st[i] = FAILED
			:: else
			fi
		}
	:: else
	fi;
	do
	:: late || st[i] >= DONE -> break
	:: TIMED && timed && !late && st[i] == POSTED -> give_up(i)
	od;
#if BUG != 1
	if
	:: late || lent[i] -> await_borrowers(i)
	:: else
	fi;
#endif
	atomic {
		if
		:: has ->
			assert(NOBODY_INSIDE);
			/* A's own: he sees the mark when he gives it back. */
			assert(i != A || !hurt || died);
			if
			:: i == A -> hurt = false
			:: else
			fi;
			inside[i] = true
		:: else
		fi;
		if
		:: !late -> st[i] = IDLE; seq[i]++
		:: else
		fi;
		lent[i] = false;
		closed[i] = false;
		late = false
	}
}

/* What a handler has forgotten, and the answer. */
inline answer(i)
{
	if
	:: has -> release(i)
	:: !has
	fi;
	n = exec[i];
	exec[i] = 0;
	d_step {
		if
		:: seq[CALLER_OF(i)] == n && st[CALLER_OF(i)] == POSTED ->
			st[CALLER_OF(i)] = DONE
		:: else
		fi;
		n = 0
	}
}

proctype caller()
{
	byte o;
	bool has, ok, late, busy;

	{
		has = true;
		if
		:: call_next(A, true)
		:: call_next(A, false)
		fi;
		release(A);
		ended[A] = true
	} unless { dead[A] }
}

proctype between()
{
	byte o, n;
	bool has, ok, late, busy;

	{
end:		do
		:: request[B] != 0 -> break
		od;
		atomic { exec[B] = request[B]; request[B] = 0 };
		if
		:: acquire(B)
		:: true
		fi;
		if
		:: call_next(B, true)
		:: call_next(B, false)
		:: true
		fi;
		if
		:: has -> release(B)
		:: !has -> acquire(B)
		:: true
		fi;
		answer(B);
		ended[B] = true
	} unless { dead[B] }
}

proctype last()
{
	byte o, n;
	bool has, ok;

	{
end:		do
		:: request[C] != 0 -> break
		od;
		atomic { exec[C] = request[C]; request[C] = 0 };
		acquire(C);
		if
		:: has -> release(C)
		:: true
		fi;
		answer(C);
		ended[C] = true
	} unless { dead[C] }
}

proctype stranger()
{
	byte n;

end:	do
	:: d_step {
		n < 2 && owner == 0 ->
		owner = STRANGER;
		assert(NOBODY_INSIDE);
		assert(!hurt || died);
		hurt = false;
		inside[STRANGER] = true;
		n++ };
	   d_step {
		inside[STRANGER] = false;
		owner = 0;
		died = false }
	od
}

/* --- Recovery ------------------------------------------------------------- */

inline mark_lent(i)
{
	d_step {
		if
#if BUG == 2
		:: false
#else
		:: ann[i] == BORROWED && owner != 0 && owner != i -> died = true
#endif
		:: else
		fi
	}
}

/* The outermost; each announcement is looked at for itself. */
inline find_borrower(i)
{
	next = 0;
#if BUG != 3
	if
	:: i != B && ann[B] == BORROWED -> next = B
	:: else ->
		if
		:: i != C && ann[C] == BORROWED ->
			next = C;
#if BUG != 4
			/* Who called it may have, too. */
			if
			:: i != B && CHAINED(C) && ann[B] == BORROWED -> next = B
			:: else
			fi
#endif
		:: else
		fi
	fi;
#if BUG == 4
	if
	:: i != C && ann[C] == BORROWED -> next = C
	:: else
	fi;
#endif
#endif
}

inline take_from(i)
{
	if
	:: owner == i -> find_borrower(i)
	:: else -> next = 0
	fi;
	d_step {
		if
		:: owner == i -> owner = next; died = true; gift = next != 0
		:: else
		fi;
		next = 0
	}
#if BUG != 5
	/* Has he given back just before he got it? */
	o = owner;
	if
	:: o != 0 && gift && ann[o] == NOTHING ->
		d_step {
			if
#if BUG == 6
			:: owner == o -> owner = 0; died = true; gift = false
#else
			:: owner == o && gift -> owner = 0; died = true; gift = false
#endif
			:: else
			fi
		}
	:: else
	fi;
	o = 0
#endif
}

/* What it waited for is nobody's. */
inline recover_slot(i)
{
	d_step {
		if
		:: i != C && st[i] != IDLE ->
			st[i] = IDLE;
			seq[i]++;
			lent[i] = false;
			closed[i] = false
		:: else
		fi
	}
}

inline fail_caller(i)
{
	d_step {
		if
		:: i != A && st[CALLER_OF(i)] == POSTED -> st[CALLER_OF(i)] = FAILED
		:: else
		fi
	}
}

inline recover(i)
{
	recover_slot(i);
	exec[i] = 0;
	mark_lent(i);
	take_from(i);
	ann[i] = NOTHING;
	reaped[i] = true;
	fail_caller(i)
}

/* Who recovers dies, too, and the next one begins anew. */
inline recover_all(i)
{
	if
	:: true
	:: recover_slot(i); exec[i] = 0; mark_lent(i)
	:: recover_slot(i); exec[i] = 0; mark_lent(i); take_from(i)
	fi;
	recover(i);
	ended[i] = true
}

proctype reaper()
{
	byte o, next;

end:	do
	:: dead[A] && !reaped[A] -> recover_all(A)
	:: dead[B] && !reaped[B] -> recover_all(B)
	:: dead[C] && !reaped[C] -> recover_all(C)
	od
}

#define KILL(i) \
	d_step { !ended[i] && !dead[i] -> \
		dead[i] = true; hurt = hurt || inside[i]; inside[i] = false }

proctype killer()
{
	byte kills;

	do
	:: kills < DEATHS ->
		if
		:: KILL(A)
		:: KILL(B)
		:: KILL(C)
		:: break
		fi;
		kills++
	:: else -> break
	od
}

/* --- The end -------------------------------------------------------------- */

proctype watcher()
{
end:	timeout ->
	d_step {
		assert(ended[A]);
		assert(owner == 0);
		assert(ann[A] + ann[B] + ann[C] == NOTHING);
		assert(!hurt || died)
	}
}

init {
	d_step {
		owner = A;
		ann[A] = OWN;
		inside[A] = true;
		seq[A] = 1;
		seq[B] = 1
	}
	atomic {
		run caller();
		run between();
		run last();
		run stranger();
		run reaper();
		run killer();
		run watcher()
	}
}
