/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transfers between containers (libfusion/containers/transfer.h)
 *
 * There are CONTAINERS containers, each with a lock of its own, and a value in
 * one of them.  USERS users do ROUNDS things each, as they like: they move the
 * value, or another one that is not watched, from any container to any other;
 * they read a container, settle it, or destroy it and make a new one.  Of them
 * DEATHS die wherever they are.  Recovery frees their locks, and nothing else.
 *
 * Claims: under its lock, a container has the value if the last move that was
 * committed says so, by its records before it is settled, and by its content
 * after that.  Memory that was made for a value is used, or freed once.
 *
 * -DBUG=n plants a bug that must be found (scripts/model runs them all):
 *   1  the taker is not told              5  the giver's word is stored when
 *   2  the taker is told at the end          the taker has announced
 *   3  the taker's word is not read       6  the taker is told by a store
 *      again                              7  the commit is announced to the
 *   4  the mover ends the giver's            taker only when it is settled
 *      announcement before it tells
 */
#ifndef CONTAINERS
#define CONTAINERS 3
#endif
#ifndef USERS
#define USERS 2
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef BUG
#define BUG 0
#endif

#define OUT 1
#define GONE 2
#define IN 3
#define CAME 4
#define LOST 5
/* The address of the other one, and a state. */
#define WORD(other, state) (((other) + 1) * 8 + (state))
#define STATE(w) ((w) & 7)
#define OTHER(w) ((w) / 8 - 1)
#define NONE 0
#define GIVE 1
#define TAKE 2

byte word[CONTAINERS];
byte op[CONTAINERS];
bool watched[CONTAINERS];	/* the announced value is the watched one */
bool has[CONTAINERS];		/* the content, without the record */
bool made[CONTAINERS];		/* memory for what comes */
byte lock[CONTAINERS];		/* user + 1 */
byte where;			/* by the commits */
byte deaths;

#define MAY_DIE if :: deaths < DEATHS -> deaths++; goto dead :: true fi

inline take(c)
{
	atomic { !lock[c] -> lock[c] = _pid }
}

/* transfer_is_done(): may be called for any container that announces. */
inline is_done(c)
{
	w = word[c];
	if
	:: STATE(w) == IN ->
		g = word[OTHER(w)];
		done = g == WORD(c, GONE);
		if
		:: BUG != 3 ->
			w = word[c];
			if
			:: STATE(w) != IN -> done = STATE(w) == CAME
			:: else
			fi
		:: else
		fi
	:: else -> done = STATE(w) == GONE || STATE(w) == CAME
	fi
}

inline tell(c)
{
	w = word[c];
	if
	:: STATE(w) != OUT && STATE(w) != GONE
	:: else ->
		if
		:: BUG == 1
		:: BUG == 6 ->
			/* It was ours when we looked. */
			g = word[OTHER(w)];
			MAY_DIE;
			if
			:: g == WORD(c, IN) ->
				word[OTHER(w)] = WORD(c, (done -> CAME : LOST))
			:: else
			fi
		:: else ->
			atomic {
				if
				:: word[OTHER(w)] == WORD(c, IN) ->
					word[OTHER(w)] =
						WORD(c, (done -> CAME : LOST))
				:: else
				fi
			}
		fi
	fi
}

inline settle(c)
{
	if
	:: op[c] == NONE
	:: else ->
		is_done(c);
		MAY_DIE;
		if
		:: op[c] == GIVE ->
			if
			:: done && watched[c] -> has[c] = false
			:: else
			fi;
			MAY_DIE;
			if
			:: BUG != 2 -> tell(c)
			:: else
			fi;
			MAY_DIE;
			op[c] = NONE;
			if
			:: BUG == 2 -> MAY_DIE; tell(c)
			:: else
			fi
		:: op[c] == TAKE ->
			if
			:: done && watched[c] -> has[c] = true
			:: else
			fi;
			MAY_DIE;
			made[c] = false;
			MAY_DIE;
			op[c] = NONE
		fi
	fi
}

/* Both locks are held, and both are settled. */
inline move(from, to)
{
	mine = has[from];
	if
	:: true
	:: mine = false		/* another value, which is not watched */
	fi;
	assert(!made[to]);
	if
	:: BUG != 5 -> word[from] = WORD(to, OUT); MAY_DIE
	:: else
	fi;
	word[to] = WORD(from, IN);
	MAY_DIE;
	watched[to] = mine;
	op[to] = TAKE;
	MAY_DIE;
	made[to] = true;
	MAY_DIE;
	if
	:: BUG == 5 -> word[from] = WORD(to, OUT); MAY_DIE
	:: else
	fi;
	watched[from] = mine;
	op[from] = GIVE;
	MAY_DIE;
	/* The commit point. */
	atomic {
		word[from] = WORD(to, GONE);
		if
		:: mine -> where = to
		:: else
		fi
	}
	MAY_DIE;
	if
	:: BUG == 4 -> has[from] = has[from] && !mine; op[from] = NONE; MAY_DIE;
		word[from] = WORD(from, LOST); MAY_DIE
	:: else
	fi;
	if
	:: BUG != 7 -> word[to] = WORD(from, CAME)
	:: BUG == 7 -> op[from] = NONE; word[from] = WORD(from, LOST); MAY_DIE;
		has[from] = has[from] && !mine; word[to] = WORD(from, CAME)
	fi;
	MAY_DIE;
	settle(from);
	MAY_DIE;
	settle(to)
}

inline read(c)
{
	seen = has[c];
	if
	:: op[c] == NONE
	:: else ->
		is_done(c);
		if
		:: done && watched[c] -> seen = op[c] == TAKE
		:: else
		fi
	fi;
	assert(seen == (where == c))
}

/* A new one at the same address. */
inline renew(c)
{
	settle(c);
	MAY_DIE;
	if
	:: !has[c] -> atomic { assert(!made[c]); word[c] = 0; op[c] = NONE }
	:: else
	fi
}

proctype user()
{
	byte round, w, g, a, b;
	bool done, mine, seen;

	do
	:: round == ROUNDS -> break
	:: else ->
		round++;
		done = false;
		if
		:: select (a : 0 .. CONTAINERS - 1);
			take(a);
			read(a);
			MAY_DIE;
			if
			:: true -> settle(a)
			:: true -> renew(a)
			fi;
			assert(has[a] == (where == a) && !made[a])
		/* The lower address first. */
		:: select (a : 0 .. CONTAINERS - 2);
			select (b : 1 .. CONTAINERS - 1);
			if
			:: a < b ->
				take(a);
				MAY_DIE;
				take(b);
				MAY_DIE;
				settle(a);
				MAY_DIE;
				settle(b);
				assert(has[a] == (where == a) &&
				       has[b] == (where == b));
				MAY_DIE;
				if
				:: move(a, b)
				:: move(b, a)
				fi
			:: else
			fi
		fi;
dead:		atomic {
			a = 0;
			do
			:: a < CONTAINERS ->
				if
				:: lock[a] == _pid -> lock[a] = 0
				:: else
				fi;
				a++
			:: else -> break
			od;
			a = 0; b = 0; w = 0; g = 0;
			done = false; mine = false; seen = false
		}
	od
}

/* In the end each container is settled, and nothing is lost or left. */
init
{
	byte i, w, g;
	bool done;

	atomic {
		deaths = 0;
		has[0] = true;
		i = 0;
		do
		:: i < USERS -> run user(); i++
		:: else -> break
		od
	}
	_nr_pr == 1;
	deaths = DEATHS;
	i = 0;
	do
	:: i < CONTAINERS ->
		settle(i);
		assert(has[i] == (where == i) && !made[i]);
		i++
	:: else -> break
	od;
dead:	skip
}
