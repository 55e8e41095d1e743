/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/container_pair.h"

#include <string.h>

#include "libfusion/core/heap/container.h"
#include "tests/crash/container.h"
#include "tests/crash/next_user.h"
#include "tests/nameless_container.h"

struct pair {
	struct user user[2]; /* of the container that is used first, and last */
	struct ledger_content now[2];
};

/* Both are as before, or both as after. */
static bool is_both(const struct pair *p, bool after)
{
	for (unsigned k = 0; k < 2; k++) {
		const struct ledger_container *c = p->user[k].c;

		if (!content_is_same(&p->now[k],
				     after ? &c->after : &c->before))
			return false;
	}
	return true;
}

static void find_both(struct pair *p)
{
	uint32_t change = p->user[0].c->change;
	bool after;

	for (unsigned k = 0; k < 2; k++)
		user_read(&p->user[k], &p->now[k]);
	after = change != CLAIM_ABSENT && is_both(p, true);
	if (!after && (change == CLAIM_PRESENT || !is_both(p, false)))
		complain("the two are neither as before nor as after");
	for (unsigned k = 0; k < 2; k++) {
		const struct ledger_container *c = p->user[k].c;

		p->now[k].spare = after ? c->after.spare : c->before.spare;
	}
}

static struct fusion_list *new_list(const struct user *u)
{
	struct fusion_list *l;

	complain_of(list_create(u->arena,
				u->c->owns ? 0 : FUSION_CONTAINER_WORDS, &l),
		    "list");
	return l;
}

/* The first value moves on to a third container. */
static void move_from_hash(struct user *u, struct ledger_content *now)
{
	struct fusion_list *l = new_list(u);
	uint32_t i = 0;

	while (i < LEDGER_VALUES - 1 && !now->value[i])
		i++;
	if (now->value[i]) {
		complain_of(fusion_hash_move_to_list(
				    u->c->handle, container_key(u->c->keys, i),
				    l, NULL, NULL),
			    "move on");
		now->value[i] = 0;
		u->others += u->c->owns != OWNS_NONE;
	}
	complain_of(fusion_list_destroy(l), "destroy");
}

static void move_from_row(struct user *u, struct ledger_content *now)
{
	struct fusion_list *l = new_list(u);
	struct fusion_vector *v;
	int r;

	if (u->c->kind == CONTAINER_VECTOR) {
		r = now->n ? fusion_vector_move_to_list(u->c->handle, 0, l,
							NULL, NULL)
			   : 0;
	} else {
		complain_of(
			vector_create(u->arena,
				      u->c->owns ? 0 : FUSION_CONTAINER_WORDS,
				      &v),
			"vector");
		r = fusion_list_move_to_vector(u->c->handle, NULL, v);
		complain_of(fusion_vector_destroy(v), "destroy");
	}
	complain_of(r, "move on");
	u->others += now->n && u->c->owns == OWNS_BYTES;
	if (now->n)
		memmove(now->value, now->value + 1,
			--now->n * sizeof(now->value[0]));
	complain_of(fusion_list_destroy(l), "destroy");
}

/* fusion_vector_add() on a row with room settles nothing. */
static void add_soon(struct user *u, struct ledger_content *now)
{
	if (u->c->kind != CONTAINER_VECTOR)
		return;
	u->others += u->c->owns != OWNS_NONE;
	complain_of(
		fusion_vector_add(u->c->handle,
				  container_value(u->arena, u->c->owns, 997)),
		"add");
	now->value[now->n++] = 997;
	user_expect(u, now);
}

static void move_on(struct user *u, struct ledger_content *now)
{
	if (u->c->kind == CONTAINER_HASH)
		move_from_hash(u, now);
	else
		move_from_row(u, now);
	user_expect(u, now);
}

static uint64_t blocks_of_both(const struct pair *p)
{
	return container_blocks(p->user[0].c, &p->now[0]) +
	       container_blocks(p->user[1].c, &p->now[1]);
}

void container_use_pair(const struct stage *s, struct fusion_arena *a)
{
	const struct ledger *l = s->ledger;
	struct pair pair = {.user = {{&l->container, a, 0},
				     {&l->second, a, 0}}},
		    *p = &pair;
	struct user *both = &p->user[0];

	find_both(p);
	for (unsigned k = 0; k < 2; k++) {
		add_soon(&p->user[k], &p->now[k]);
		move_on(&p->user[k], &p->now[k]);
		user_expect(&p->user[!k], &p->now[!k]);
		user_use(&p->user[k], &p->now[k]);
		user_expect(&p->user[!k], &p->now[!k]);
	}
	both->others += p->user[1].others + blocks_of_others(s) +
			p->now[0].spare + p->now[1].spare;
	user_ask_blocks(both, blocks_of_both(p));
	for (unsigned k = 0; k < 2; k++)
		complain_of(container_destroy(p->user[k].c), "destroy");
	user_ask_blocks(both, 0);
}
