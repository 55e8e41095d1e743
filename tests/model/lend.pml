/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lending a skirmish through a chain of calls (libfusion/core/locks/lend.h) with
 * deaths at any step
 *
 * A has the lock and calls B, with a time-out or without; B calls C.  B and C
 * may take the lock before, meanwhile or after: they borrow it, or take it as
 * others do, without waiting.  A stranger takes it whenever it is free.  DEATHS
 * of A, B and C die wherever they are, and so does who recovers them, once.
 *
 * Claims: nobody is inside beside another (but those who wait in a call for
 * him); who goes on, or takes the lock, after somebody has died inside is told,
 * until one of those that were told has mended;
 * at the end the lock is free and nothing is announced.
 *
 * -DBUG=n plants a bug that must be found (scripts/model runs them all):
 *   1  who gives up does not look for borrowers
 *   2  recovery of a borrower does not mark the lock
 *   3  recovery of a lender gives the lock to no borrower
 *   4  who gives back what he has inherited gives it to no borrower
 *   5  what is given up is not closed
 *   6  who borrows does not take the lend lock
 *   7  who gives up does not take it
 *   8  recovery does not take it
 *   9  who has got an answer does not look for borrowers
 *   10 who has borrowed does not look for others who have
 *   11 who borrows does not say so in the slots
 *   12 who gives back forgets the mark
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
#define REAPER 5

#define IDLE 0
#define POSTED 1
#define DONE 2
#define FAILED 3

#define NOTHING 0
#define OWN 1
#define BORROWED 2

/* The lock's word. */
byte owner;
bool died;
byte lend;			/* who has the lend lock */
byte ann[5];

/* Slot s: thread s waits for thread s + 1.  In the high bit of what B and C
 * execute is nothing; it is the seq of their caller's slot, 0 none. */
byte st[3], seq[3];
bool lent[3], closed[3];
byte exec[5], request[5];

/* Ghosts. */
bool inside[5];
bool hurt;			/* somebody died inside, nobody has mended */
bool dead[5], reaped[5], ended[5];

#define NOBODY_INSIDE (!inside[A] && !inside[B] && !inside[C] && !inside[STRANGER])

/* Does i wait, further down the chain of what executes? */
#define WAITS(s) (st[s] != IDLE)
#define CALLER_OF(i) ((i) - 1)
#define CHAINED(i) \
	(exec[i] != 0 && seq[CALLER_OF(i)] == exec[i] && WAITS(CALLER_OF(i)))

/* Who waits in slot s has not given up; he waits for what is out: somebody below
 * him has borrowed what is his or his callers', or what he has borrowed. */
#define OPEN(s) (st[s] == POSTED && !closed[s])
#define OUT(s) \
	((s) == A && owner == A && (ann[B] == BORROWED || ann[C] == BORROWED) || \
	 (s) == B && ann[C] == BORROWED && \
		(owner == B || ann[B] == BORROWED || (owner == A && CHAINED(B))))

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

inline lend_lock(i)
{
	atomic { lend == 0 -> lend = i }
}

inline lend_unlock(i)
{
	d_step { assert(lend == i); lend = 0 }
}

/* Slot s, whose seq is n: LENT, if it still waits, or is held up by what is out. */
inline lend_slot(s, n)
{
	d_step {
		ok = n != 0 && seq[s] == n && (OPEN(s) || (lent[s] && OUT(s)));
		if
#if BUG != 11
		:: ok -> lent[s] = true
#endif
		:: else
		fi
	}
}

/* Up to who has it, or has borrowed it. */
inline lend_chain(i, to)
{
	lend_slot(CALLER_OF(i), exec[i]);
	if
	:: ok && to != CALLER_OF(i) && ann[CALLER_OF(i)] != BORROWED ->
		if
		:: i == C -> lend_slot(A, exec[B]); ok = ok && to == A
		:: else -> ok = false
		fi
	:: else
	fi
}

/* Some other who has borrowed it. */
inline find_borrower(i)
{
	next = 0;
	if
	:: i != B && ann[B] == BORROWED -> next = B
	:: i != C && ann[C] == BORROWED -> next = C
	:: else
	fi
}

inline borrow(i)
{
	if
	:: owner != 0 && owner != i && exec[i] != 0 ->
#if BUG != 6
		lend_lock(i);
#endif
		o = owner;
		if
		:: o != 0 && o != i -> lend_chain(i, o)
		:: else
		fi;
		if
		:: ok -> ann[i] = BORROWED; has = true
		:: else
		fi;
#if BUG != 6
		lend_unlock(i)
#endif
	:: else
	fi;
	d_step { o = 0; ok = false }
}

/* The owner, which was told, mends or does not. */
inline mend()
{
	if
	:: died -> d_step { hurt = false; died = false }
	:: true
	fi
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
		assert(!hurt || died);
		mend()
	:: else -> ann[i] = NOTHING
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

#if BUG == 12
#define FORGET died = false
#else
#define FORGET skip
#endif

/* Given back; the mark stays for the next one. */
inline release(i)
{
	inside[i] = false;
	if
	:: ann[i] == BORROWED ->
		lend_lock(i);
		if
		:: owner == i ->
#if BUG == 4
			next = 0;
#else
			find_borrower(i);
#endif
			d_step { owner = next; next = 0 }
		:: else
		fi;
		ann[i] = NOTHING;
		lend_unlock(i)
	:: else ->
		d_step { assert(owner == i); owner = 0; FORGET };
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
	:: ann[t] == BORROWED ->
		o = owner;
		if
		:: ((o != 0 && ABOVE(i, o))
#if BUG != 10
		    || ann[i] == BORROWED
#endif
		   ) && !ABOVE(i, t) -> busy = true
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
	:: lend_lock(i);
		look_for_borrowers(i);
		lend_unlock(i);
		if
		:: busy
		:: else -> break
		fi
	od
}

/* Nobody borrows through the slot any more; if nobody has, it is withdrawn. */
inline give_up(i)
{
#if BUG != 7
	lend_lock(i);
#endif
	look_for_borrowers(i);
#if BUG == 1
	busy = false;
#endif
	d_step {
		if
		:: st[i] == POSTED ->
#if BUG != 5
			closed[i] = true;
#endif
			lent[i] = lent[i] && busy
		:: else
		fi
	}
#if BUG != 7
	lend_unlock(i);
#endif
	d_step {
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
	if
#if BUG != 9
	:: !late && lent[i] -> await_borrowers(i)
#endif
	:: else
	fi;
	atomic {
		if
		:: has ->
			assert(NOBODY_INSIDE);
			/* Whose own it is sees the mark. */
			assert(ann[i] != OWN || !hurt || died);
			if
			:: ann[i] == OWN -> mend()
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
	byte o, next;
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
	byte o, n, next;
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
	byte o, n, next;
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
		inside[STRANGER] = true;
		n++ };
	   mend();
	   d_step {
		inside[STRANGER] = false;
		owner = 0;
		FORGET }
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

inline take_from(i)
{
	next = 0;
	if
	:: owner == i ->
#if BUG != 3
		find_borrower(i)
#endif
	:: else
	fi;
	d_step {
		if
		:: owner == i -> owner = next; died = true
		:: else
		fi;
		next = 0
	}
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

/* The locks of the dead are free, those of an earlier recovery too. */
inline recover_locks(i)
{
	d_step {
		if
		:: lend == i || lend == REAPER -> lend = 0
		:: else
		fi
	}
}

inline recover_lock(i)
{
#if BUG != 8
	lend_lock(REAPER);
#endif
	mark_lent(i);
	take_from(i);
	ann[i] = NOTHING;
#if BUG != 8
	lend_unlock(REAPER)
#endif
}

/* A member: what it owned fails last.  A thread alone: what it executed fails
 * as soon as what it had borrowed is marked. */
inline recover(i)
{
	recover_locks(i);
	if
	:: recover_slot(i)
	:: mark_lent(i); recover_slot(i); fail_caller(i)
	fi;
	exec[i] = 0;
	recover_lock(i);
	reaped[i] = true;
	fail_caller(i)
}

/* Who recovers dies, too, and the next one begins anew. */
inline recover_all(i)
{
	if
	:: true
	:: recover_locks(i); recover_slot(i); exec[i] = 0
	:: recover_locks(i); recover_slot(i); exec[i] = 0; lend_lock(REAPER);
		mark_lent(i)
	:: recover_locks(i); recover_slot(i); exec[i] = 0; lend_lock(REAPER);
		mark_lent(i); take_from(i)
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
		assert(lend == 0);
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
