/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ring of a member (libfusion/core/talk/ring.h) with deaths at any step
 *
 * Two producers send MSGS and MSGS2 messages, of one cell or two, to whoever has
 * the ring; each carries a block.  A consumer takes them out and sleeps when there
 * are none.  DEATHS of these and of who recovers die wherever they are.  When
 * the consumer died, another takes the ring over.  With -DPATIENT who finds no
 * room sleeps until there is some, else he gives up; with -DASKING, too, he is one
 * of the daemon's visitors, which leaves a mark and waits for their bell.
 *
 * No sleep has a time-out here: what the real code would mend by looking again
 * after a while is a deadlock.
 *
 * Claims: no cell is in two records at once; what is received was committed for
 * who receives it, once and in the order of its sender; each block is freed
 * once or delivered once; when nothing moves any more, all who live are through,
 * all that was committed for one who lives is received, and all cells are free
 * in the right lap.
 *
 * -DBUG=n plants a bug that must be found (scripts/model runs them all):
 *   1  recovery wakes nobody             6  recovery forgets what it has decided
 *   2  the claim looks for SLEEP before  7  cells are freed upwards
 *      the CAS, not in it                8  recovery frees the block unasked
 *   3  op stays CLAIM                    9  space_waiters looked at too early
 *   4  freed before it is consumed      10  who takes over begins where the last
 *   5  SLEEP is a store, not a CAS          one said he was
 *                                       11  the mark is left after the look
 */
#ifndef MSGS
#define MSGS 2
#endif
#ifndef MSGS2
#define MSGS2 1
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef BUG
#define BUG 0
#endif
#define N 4		/* cells */
#define CONSUMER 3	/* 1 and 2 are the producers */
#define HEIR 4		/* consumes after it, and does not die */
#define REAPER 5

/* A header word: state, SLEEP, cells, producer, position. */
#define FREE 0
#define CLAIM 1
#define DONE 2
#define SKIP 3
#define SLEEP 4
#define MAKE(state, cells, who, p) \
	((state) + ((cells) << 3) + ((who) << 5) + ((p) << 7))
#define FREE_AT(p) ((p) << 7)
#define STATE(h) ((h) & 3)
#define LEN(h) (((h) >> 3) & 3)
#define WHO(h) (((h) >> 5) & 3)
#define POS(h) ((h) >> 7)
#define HDR(p) hdr[(p) % N]

short hdr[N];
byte target[N], body[N], block[N];	/* of the record that begins there */
byte hint, head, space, space_waiters;
byte bell;
bool asked;		/* ring_ctl.visitors */
byte owner = CONSUMER;
bool closed;

/* thread_rec.msg, .msg_block */
#define OP_CLAIM 1
#define OP_CLAIMED 2
#if BUG == 3
#define OP_KEPT OP_CLAIM
#else
#define OP_KEPT OP_CLAIMED
#endif
byte op[3], at[3], held[3];

bool asleep;		/* the consumer, on the header of cell */
byte cell;
bool waits[3];		/* a producer, on space */
bool dead[6], done[3], reaped[4];

/* Ghosts.  A message is numbered from 1; so is the block that it carries. */
#define ALL (MSGS + MSGS2)
#define FIRST(i) ((i) == 1 -> 1 : ((i) == 2 -> MSGS + 1 : ALL + 1))
#define SENDER(m) ((m) <= MSGS -> 1 : 2)
byte used[N];		/* cell: by which message */
byte fate[ALL + 1];	/* of the block */
#define MADE 1
#define GONE 2
byte sent[ALL + 1];	/* committed, for whom */
bool received[ALL + 1];
byte last[3];

/* These are for use in a d_step. */
inline wake_if(owed, p)
{
	if
	:: owed && asleep && cell == (p) % N -> asleep = false
	:: else
	fi
}

inline wake_space()
{
	space++;
	waits[1] = false;
	waits[2] = false
}

/* free_from: once, whoever dies; the heap sees to that. */
inline free_from(slot)
{
	if
	:: slot != 0 ->
		assert(fate[slot] == MADE);
		fate[slot] = GONE;
		slot = 0
	:: else
	fi
}

/* --- Producers ------------------------------------------------------------ */

/* n cells at p are m's, and were nobody's. */
inline use(p, n, m)
{
	assert(used[(p) % N] == 0);
	used[(p) % N] = m;
	if
	:: n == 2 -> assert(used[((p) + 1) % N] == 0); used[((p) + 1) % N] = m
	:: else
	fi
}

inline unuse(p, n)
{
	used[(p) % N] = 0;
	if
	:: n > 1 -> used[((p) + 1) % N] = 0
	:: else
	fi;
	if
	:: n > 2 -> used[((p) + 2) % N] = 0
	:: else
	fi
}

/* Free there, as h says: the other cell too?  Then announce. */
inline announce(i)
{
	atomic {
		n = (k <= N - p % N -> k : N - p % N);
		if
		:: n == 2 && HDR(p + 1) != FREE_AT(p + 1) ->
			/* Or somebody was quicker: it says so all the same. */
			crowded = true;
			h = 0
		:: else ->
			at[i] = p;
			op[i] = OP_CLAIM;
#if BUG == 2
			slept = ((HDR(p) & SLEEP) != 0)
#endif
		fi
	}
}

/* The CAS: of a claim, or of SKIP if it does not fit before the end. */
inline take(i)
{
	d_step {
		if
#if BUG == 2
		:: (HDR(p) & ~SLEEP) == (h & ~SLEEP) ->
#else
		:: HDR(p) == h ->
			slept = ((h & SLEEP) != 0);
#endif
			if
			:: n == k ->
				HDR(p) = MAKE(CLAIM, n, i, p);
				use(p, n, m);
				got = true
			:: else ->
				HDR(p) = MAKE(SKIP, n, i, p);
				skipped = true
			fi
		:: else -> op[i] = 0; slept = false
		fi;
		h = 0
	}
}

inline claim(i)
{
	do
	:: got || crowded -> break
	:: else ->
		atomic {
			h = HDR(p);
			try = false;
			if
			:: POS(h) < p -> h = 0; crowded = true	/* of the last lap */
			:: POS(h) > p -> h = 0; p = head
			:: POS(h) == p && STATE(h) != FREE ->
				p = p + LEN(h);
				h = 0
			:: else -> try = true
			fi
		}
		if
		:: try ->
			announce(i);
			if
			:: op[i] == OP_CLAIM ->
				take(i);
				if
				:: skipped -> d_step {
					wake_if(slept, p);
					op[i] = 0;
					p = p + n;
					skipped = false;
					slept = false
				   }
				:: else
				fi
			:: else
			fi
		:: else
		fi
	od
}

/* May there be room?  It says no more than that there was. */
inline has_room()
{
	p = hint;
	do
	:: d_step { POS(HDR(p)) == p && STATE(HDR(p)) != FREE ->
		p = p + LEN(HDR(p)) }
	/* The hint was old; or head is, then who frees is not done. */
	:: d_step { POS(HDR(p)) > p && p != head -> p = head }
	:: else -> break
	od;
	atomic { room = (POS(HDR(p)) == p); p = 0 }
}

#ifdef ASKING
/* ring_ask_space(), and one more look. */
inline wait_space(i)
{
	d_step { crowded = false; p = 0; n = 0; seen = bell };
#if BUG != 11
	asked = true;
#endif
	has_room();
#if BUG == 11
	asked = true;
#endif
	if
	:: room || closed -> room = false
	:: else ->
		d_step {
			if
			:: bell == seen -> waits[i] = true
			:: else
			fi
		}
		!waits[i]
	fi;
	seen = 0
}
#else
inline wait_space(i)
{
	d_step { space_waiters++; crowded = false; p = 0; n = 0 }
	seen = space;
	has_room();
	if
	:: room || closed -> room = false
	:: else ->
		d_step {
			if
			:: space == seen -> waits[i] = true
			:: else
			fi
		}
		!waits[i]
	fi;
	d_step { seen = 0; space_waiters-- }
}
#endif

/* Its block is passed on with the commit, or is still its own. */
inline commit(i)
{
	d_step {
		op[i] = OP_KEPT;
		hint = p + n;
		body[p % N] = m;
		target[p % N] = to;
		block[p % N] = held[i]
	}
	d_step {
		HDR(p) = MAKE(DONE, n, i, p);
		sent[m] = to
	}
	d_step {
		held[i] = 0;
		wake_if(slept, p);
		op[i] = 0
	}
}

inline send(i)
{
	do
	:: to = owner;
	   if
	   :: to == 0 || closed -> break	/* -ESRCH */
	   :: else
	   fi;
	   p = hint;
	   claim(i);
	   if
	   :: got -> commit(i); break
	   :: else
	   fi;
#ifdef PATIENT
	   wait_space(i)
#else
	   break				/* -EAGAIN */
#endif
	od;
	atomic {
		free_from(held[i]);
		got = false; slept = false; crowded = false;
		p = 0; n = 0; to = 0; k = 0
	}
}

proctype producer(byte me)
{
	byte m, k, p, n, to, seen;
	short h;
	bool got, crowded, try, skipped, slept, room;

	{
		m = FIRST(me);
		do
		:: m < FIRST(me + 1) ->
			d_step { held[me] = m; fate[m] = MADE }
#ifdef ANY_SIZE
			if
			:: k = 1
			:: k = 2
			fi;
#else
			k = 1 + m % 2;
#endif
			send(me);
			m++
		:: else -> break
		od;
		done[me] = true
	} unless { dead[me] }
}

/* --- Consumers ------------------------------------------------------------ */

inline stamp(p) { HDR(p) = FREE_AT((p) + N) }

/* [from, to) downwards: while the first is not free, nobody claims any of
 * them, and who takes over may do all this again. */
inline release(from, to)
{
	d_step {
		unuse(from, to - from);
		c = to;
#if BUG == 9
		awaited = (space_waiters > 0)
#endif
	}
#if BUG == 7
	c = from;
	do
	:: c < to -> d_step { stamp(c); c++ }
	:: else -> break
	od;
#else
	do
	:: c > from -> d_step { c--; stamp(c) }
	:: else -> break
	od;
#endif
	atomic { head = to; c = 0 }
#ifdef ASKING
	/* Taken, then rung. */
	d_step { c = (asked -> 1 : 0); asked = false };
	d_step {
		if
		:: c -> bell++; waits[1] = false; waits[2] = false
		:: else
		fi;
		c = 0
	}
#elif defined(PATIENT)
	d_step {
		if
#if BUG == 9
		:: awaited ->
#else
		:: space_waiters > 0 ->
#endif
			wake_space()
		:: else
		fi
	}
#endif
}

inline receive(i)
{
	d_step {
		m = body[pos % N];
		/* It is whole, and nobody else is in it. */
		assert(used[pos % N] == m);
		assert(sent[m] == target[pos % N]);
		if
		:: target[pos % N] == i ->
			assert(!received[m]);
			assert(block[pos % N] == m);
			assert(m > last[SENDER(m)]);
			received[m] = true;
			last[SENDER(m)] = m
		:: else		/* for who had the ring before */
		fi;
		m = 0;
		free_from(block[pos % N])
	}
}

/* Some at once, and all before it sleeps. */
inline consume(i)
{
	d_step { pos = head; freed = pos };
	do
	:: atomic {
		h = HDR(pos);
		n = LEN(h);
		assert(POS(h) <= pos)
	   }
	   if
	   :: POS(h) == pos && STATE(h) == CLAIM ->
		STATE(HDR(pos)) != CLAIM
	   :: POS(h) == pos && STATE(h) != FREE && STATE(h) != CLAIM ->
#if BUG == 4
		stamp(pos);
#endif
		if
		:: STATE(h) == DONE -> receive(i)
		:: else
		fi;
		pos = pos + n;
		if
		:: release(freed, pos); freed = pos
		:: pos - freed < N / 2
		fi
	   :: (POS(h) != pos || STATE(h) == FREE) && freed < pos ->
		release(freed, pos);
		freed = pos
	   :: else ->
		/* Arm, and sleep. */
		d_step {
			if
#if BUG == 5
			:: true ->
#else
			:: (HDR(pos) & ~SLEEP) == FREE_AT(pos) ->
#endif
				HDR(pos) = FREE_AT(pos) | SLEEP;
				armed = true
			:: else
			fi
		}
		if
		:: armed ->
			d_step {
				armed = false;
				if
				:: HDR(pos) == (FREE_AT(pos) | SLEEP) ->
					asleep = true;
					cell = pos % N
				:: else
				fi
			}
end_asleep:		!asleep
		:: else
		fi
	   fi;
	   d_step { h = 0; n = 0 }
	od
}

proctype consumer()
{
	byte pos, freed, n, m, c;
	short h;
	bool armed, awaited;

	{
		consume(CONSUMER)
	} unless { dead[CONSUMER] }
}

/* It takes a ring that nobody has. */
proctype heir()
{
	byte pos, freed, n, m, c;
	short h;
	bool armed, awaited;

end:	d_step { owner == 0 && STATE(HDR(head)) != CLAIM };
	owner = HEIR;
	closed = false;
	consume(HEIR)
}

/* --- Recovery ------------------------------------------------------------- */

inline settle(i)
{
	d_step {
		p = at[i];
		n = LEN(HDR(p));
		mine = (STATE(HDR(p)) == CLAIM && POS(HDR(p)) == p &&
			WHO(HDR(p)) == i);
		committed = (!mine && op[i] == OP_CLAIMED)
	}
	if
	:: mine ->
#if BUG != 6
		/* Not committed: also for who recovers after me. */
		op[i] = OP_CLAIM;
#endif
		d_step { HDR(p) = MAKE(SKIP, n, i, p); unuse(p, n) }
	:: else
	fi;
#if BUG != 1
	d_step { wake_if(true, p) }
#endif
}

inline reap_producer(i)
{
	waits[i] = false;
	if
	:: op[i] != 0 -> settle(i)
	:: else
	fi;
	d_step {
		if
#if BUG != 8
		:: committed -> held[i] = 0
#endif
		:: else -> free_from(held[i])
		fi
	}
	d_step {
		op[i] = 0;
		p = 0; n = 0; mine = false; committed = false;
		reaped[i] = true
	}
}

/* Drop what is in it, up to a record that is still being written. */
inline drain()
{
	d_step { p = head; more = true };
	do
	:: !more -> break
	:: else ->
		d_step { h = HDR(p); n = LEN(h) };
		if
#if BUG != 10
		/* Freed already by who died. */
		:: POS(h) > p -> d_step { p++; head = p }
#endif
		:: POS(h) == p && STATE(h) >= DONE ->
			if
			:: STATE(h) == DONE ->
				d_step { free_from(block[p % N]) }
			:: else
			fi;
			release(p, p + n);
			p = p + n
		:: else -> more = false
		fi
	od;
	atomic { p = 0; n = 0; h = 0 }
}

/* ring_close_queue(); and the daemon looks after each death. */
inline reap_consumer()
{
	asleep = false;
	if
	:: owner == CONSUMER ->
		closed = true;
		drain();
		d_step { wake_space(); bell++ };
		owner = 0
	:: else
	fi;
	reaped[CONSUMER] = true
}

/* Who recovers may be killed, too; then another does it from the beginning. */
proctype reaper()
{
	byte p, n, c;
	short h;
	bool mine, committed, more, awaited;

	do
	:: {
end:		do
		:: dead[1] && !reaped[1] -> reap_producer(1)
		:: dead[2] && !reaped[2] -> reap_producer(2)
		:: dead[CONSUMER] && !reaped[CONSUMER] -> reap_consumer()
		od
	   } unless { dead[REAPER] }
	   d_step {
		dead[REAPER] = false;
		p = 0; n = 0; c = 0; h = 0;
		mine = false; committed = false; more = false; awaited = false
	   }
	od
}

#define AT_WORK \
	((dead[1] && !reaped[1]) || (dead[2] && !reaped[2]) || \
	 (dead[CONSUMER] && !reaped[CONSUMER]))

proctype killer()
{
	byte kills;

	do
	:: kills < DEATHS ->
		if
		:: d_step { !done[1] && !dead[1] -> dead[1] = true }
		:: d_step { !done[2] && !dead[2] -> dead[2] = true }
		:: d_step { !dead[CONSUMER] -> dead[CONSUMER] = true }
		:: d_step { AT_WORK && !dead[REAPER] -> dead[REAPER] = true }
		:: break
		fi;
		kills++
	:: else -> break
	od
}

/* --- The end -------------------------------------------------------------- */

#define THROUGH(i) (done[i] || dead[i])
#define LIVES(i) ((i) == HEIR || !dead[i])

proctype watcher()
{
	byte i;

end:	timeout ->
	d_step {
		assert(THROUGH(1) && THROUGH(2));
		assert(owner != 0 && LIVES(owner));
		i = 1;
		do
		:: i <= ALL ->
			assert(fate[i] != MADE);
			assert(sent[i] == 0 || received[i] || !LIVES(sent[i]));
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < N ->
			assert((HDR(head + i) & ~SLEEP) == FREE_AT(head + i));
			i++
		:: else -> break
		od
	}
}

init {
	byte i;

	atomic {
		do
		:: i < N -> hdr[i] = FREE_AT(i); i++
		:: else -> break
		od;
		run producer(1);
		run producer(2);
		run consumer();
		run heir();
		run reaper();
		run killer();
		run watcher()
	}
}
