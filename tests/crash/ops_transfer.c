/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moves between two containers of any kind
 *
 * A scene says what the two are and what moves.  The giver has the values 100
 * and on, the taker 200 and on.  A row "settle-..." begins where a thread was
 * killed in such a move, and kills the one that settles the giver or the taker.
 */
#include <string.h>

#include "tests/crash/container.h"
#include "tests/crash/ops.h"
#include "tests/half_transfer.h"
#include "tests/nameless_container.h"

#define WORDS FUSION_CONTAINER_WORDS
#define LOCK FUSION_CONTAINER_LOCK
#define AUTOFREE FUSION_CONTAINER_AUTOFREE
#define BYTES FUSION_CONTAINER_BYTES
#define H CONTAINER_HASH
#define V CONTAINER_VECTOR
#define L CONTAINER_LIST
#define NEW_KEY 20

struct half {
	uint32_t kind, keys, flags, n;
};

struct scene {
	struct half from, to;
	/* What moves: the key's number or the index; and to which: a hash's
	 * key, or in a list the node before which it goes. */
	uint32_t at, to_at;
	bool taker_first; /* the next user begins with the taker */
};

static void must(int r, const char *what)
{
	if (r < 0)
		die("%s: %s", what, strerror(-r));
}

/* --- Before ----------------------------------------------------------------
 */

static uint32_t owns(const struct half *h)
{
	if (h->flags & WORDS)
		return OWNS_NONE;
	return h->flags & BYTES ? OWNS_BYTES : OWNS_BLOCKS;
}

static void create(struct cast *c, const struct half *h,
		   struct ledger_container *l)
{
	*l = (struct ledger_container){
		.kind = h->kind, .keys = h->keys, .owns = owns(h)};
	switch (h->kind) {
	case H:
		must(hash_create(c->arena, h->keys, h->flags,
				 (struct fusion_hash **)&l->handle),
		     "hash");
		/* The same places each time. */
		((struct fusion_hash *)l->handle)->seed = 1;
		l->after.n = LEDGER_VALUES;
		break;
	case V:
		must(vector_create(c->arena, h->flags,
				   (struct fusion_vector **)&l->handle),
		     "vector");
		break;
	default:
		must(list_create(c->arena, h->flags,
				 (struct fusion_list **)&l->handle),
		     "list");
	}
}

/* Node @node_at of a list is p[0]. */
static void fill(struct cast *c, const struct half *h,
		 struct ledger_container *l, uint64_t first, uint32_t node_at)
{
	struct fusion_list_node *x;

	for (uint32_t i = 0; i < h->n; i++) {
		if (h->kind == H) {
			must(container_put(c->arena, l, i, first + i), "put");
			l->after.value[i] = first + i;
			continue;
		}
		if (h->kind == V)
			must(fusion_vector_add(l->handle,
					       container_value(c->arena,
							       l->owns,
							       first + i)),
			     "add");
		else
			must(container_insert(c->arena, l, l->handle, first + i,
					      &x),
			     "back");
		if (h->kind == L && i == node_at)
			c->p[0] = x;
		l->after.value[l->after.n++] = first + i;
		l->after.spare += l->owns && !container_owns(l);
	}
}

static struct ledger_container *half_of(const struct cast *c,
					const struct scene *s, bool taker)
{
	return taker == s->taker_first ? &c->ledger->container
				       : &c->ledger->second;
}

static void prepare(struct cast *c, const struct scene *s)
{
	struct ledger_container *from = half_of(c, s, false),
				*to = half_of(c, s, true);

	create(c, &s->from, from);
	create(c, &s->to, to);
	fill(c, &s->to, to, 200, s->to_at);
	if (s->to.kind == L)
		c->p[1] = c->p[0];
	fill(c, &s->from, from, 100, s->at);
	from->before = from->after;
	to->before = to->after;
}

/* --- After -----------------------------------------------------------------
 */

static void expect_gone(struct ledger_container *from, const struct scene *s)
{
	struct ledger_content *l = &from->after;

	if (from->kind == H) {
		l->value[s->at] = 0;
		return;
	}
	memmove(l->value + s->at, l->value + s->at + 1,
		(--l->n - s->at) * sizeof(l->value[0]));
	l->spare -= from->owns && !container_owns(from);
}

static void expect_come(struct ledger_container *to, const struct scene *s,
			uint64_t word)
{
	struct ledger_content *l = &to->after;
	uint32_t at = l->n;

	if (to->kind == H) {
		l->value[s->to_at] = word;
		return;
	}
	if (to->kind == L && s->to_at < s->to.n)
		at = s->to_at;
	memmove(l->value + at + 1, l->value + at,
		(l->n++ - at) * sizeof(l->value[0]));
	l->value[at] = word;
	l->spare += to->owns && !container_owns(to);
}

static int from_hash(const struct cast *c, const struct scene *s, void *from,
		     void *to)
{
	struct fusion_key key = container_key(s->from.keys, s->at), new_key;
	char name[32];

	if (s->to.kind == L)
		return fusion_hash_move_to_list(from, key, to, c->p[1], NULL);
	if (s->to.kind == V)
		return fusion_hash_move_to_vector(from, key, to);
	if (s->at == s->to_at)
		return fusion_hash_move(from, key, to, NULL);
	/* The next key is written to the same place. */
	if (s->from.keys == FUSION_KEY_STRING) {
		strcpy(name, fusion_key_get_pointer(key));
		key = fusion_key_string(name);
	}
	new_key = container_key(s->to.keys, s->to_at);
	return fusion_hash_move(from, key, to, &new_key);
}

static int from_list(const struct cast *c, const struct scene *s, void *from,
		     void *to)
{
	/* The first one without being asked for. */
	struct fusion_list_node *node = s->at ? c->p[0] : NULL;

	return s->to.kind == V ? fusion_list_move_to_vector(from, node, to)
			       : fusion_list_move_to_hash(
					 from, node, to,
					 container_key(s->to.keys, s->to_at));
}

static int from_vector(const struct cast *c, const struct scene *s, void *from,
		       void *to)
{
	if (s->to.kind == V)
		return fusion_vector_move_to_vector(from, s->at, to);
	if (s->to.kind == L)
		return fusion_vector_move_to_list(from, s->at, to, c->p[1],
						  NULL);
	return fusion_vector_move_to_hash(from, s->at, to,
					  container_key(s->to.keys, s->to_at));
}

static void run(struct cast *c, const struct scene *s)
{
	struct ledger_container *from = half_of(c, s, false),
				*to = half_of(c, s, true);

	expect_come(to, s, from->before.value[s->at]);
	expect_gone(from, s);
	ledger_claim(&c->ledger->container.change, CLAIM_CHANGING);
	must(s->from.kind == H	 ? from_hash(c, s, from->handle, to->handle)
	     : s->from.kind == V ? from_vector(c, s, from->handle, to->handle)
				 : from_list(c, s, from->handle, to->handle),
	     "move");
	ledger_claim(&c->ledger->container.change, CLAIM_PRESENT);
}

/* --- Half of it ------------------------------------------------------------
 */

static struct transfer_side side_of(const struct half *h, void *handle,
				    const struct fusion_key *key, uint32_t at,
				    struct fusion_list_node *node)
{
	if (h->kind == H)
		return hash_side(handle, key);
	return h->kind == V ? vector_side(handle, at) : list_side(handle, node);
}

static void prepare_half(struct cast *c, const struct scene *s, bool done)
{
	struct ledger_container *from, *to;
	struct fusion_key key, new_key;
	struct transfer_side out, in;
	char name[32];

	prepare(c, s);
	from = half_of(c, s, false);
	to = half_of(c, s, true);
	key = container_key(s->from.keys, s->at);
	/* The next key is written to the same place. */
	if (s->from.keys == FUSION_KEY_STRING) {
		strcpy(name, fusion_key_get_pointer(key));
		key = fusion_key_string(name);
	}
	new_key = container_key(s->to.keys, s->to_at);
	out = side_of(&s->from, from->handle, &key, s->at, c->p[0]);
	in = side_of(&s->to, to->handle, &new_key, 0, c->p[1]);
	must(half_transfer(c->arena, &out, &in, done), "half");
	if (!done)
		return;
	expect_come(to, s, from->before.value[s->at]);
	expect_gone(from, s);
	from->before = from->after;
	to->before = to->after;
}

static void settle(struct cast *c, const struct scene *s, bool taker)
{
	const struct half *h = taker ? &s->to : &s->from;
	void *handle = half_of(c, s, taker)->handle;
	struct transfer_side side = side_of(h, handle, NULL, 0, NULL);

	must(side.kind->settle(handle, c->arena), "settle");
}

/* --- The scenes ------------------------------------------------------------
 */

#define STRING FUSION_KEY_STRING
#define INT FUSION_KEY_INT

/* clang-format off */
#define SCENES(S) \
	/* name                          giver                       taker                       what   where   first */ \
	S(hash_list,   "hash-list",     H, STRING, WORDS, 3,        L, 0, WORDS, 3,             1,     1,      false) \
	S(hash_list_o, "hash-list-o",   H, STRING, WORDS, 3,        L, 0, WORDS, 3,             1,     1,      true) \
	S(hash_list_l, "hash-list-l",   H, INT, WORDS | LOCK, 3,    L, 0, WORDS | LOCK, 3,      1,     9,      false) \
	S(hash_list_lo, "hash-list-lo",  H, INT, WORDS | LOCK, 3,   L, 0, WORDS | LOCK, 3,      1,     9,      true) \
	S(hash_list_a, "hash-list-a",   H, STRING, AUTOFREE, 3,     L, 0, 0, 2,                 1,     0,      false) \
	S(hash_list_b, "hash-list-b",   H, INT, BYTES, 3,           L, 0, 0, 2,                 1,     9,      true) \
	S(hash_list_c, "hash-list-c",   H, STRING, BYTES, 3,        L, 0, BYTES, 3,             1,     1,      false) \
	S(hash_list_1, "hash-list-1",   H, STRING, WORDS, 1,        L, 0, WORDS, 0,             0,     9,      false) \
	S(list_hash,   "list-hash",     L, 0, WORDS, 3,             H, STRING, WORDS, 3,        1,     NEW_KEY, false) \
	S(list_hash_o, "list-hash-o",   L, 0, WORDS, 3,             H, STRING, WORDS, 3,        1,     NEW_KEY, true) \
	S(list_hash_l, "list-hash-l",   L, 0, WORDS | LOCK, 3,      H, INT, WORDS | LOCK, 3,    0,     NEW_KEY, false) \
	S(list_hash_lo, "list-hash-lo",  L, 0, WORDS | LOCK, 3,     H, INT, WORDS | LOCK, 3,    0,     NEW_KEY, true) \
	S(list_hash_a, "list-hash-a",   L, 0, 0, 3,                 H, STRING, AUTOFREE, 3,     1,     NEW_KEY, false) \
	S(list_hash_b, "list-hash-b",   L, 0, BYTES, 3,             H, STRING, AUTOFREE, 3,     1,     NEW_KEY, true) \
	S(list_hash_c, "list-hash-c",   L, 0, BYTES | LOCK, 3,      H, INT, BYTES | LOCK, 3,    1,     NEW_KEY, false) \
	S(list_hash_g, "list-hash-g",   L, 0, WORDS, 1,             H, STRING, WORDS, 7,        0,     NEW_KEY, false) \
	S(list_hash_0, "list-hash-0",   L, 0, WORDS, 1,             H, STRING, WORDS, 0,        0,     NEW_KEY, true) \
	S(hash_hash,   "hash-hash",     H, STRING, WORDS, 6,        H, STRING, WORDS, 3,        5,     5,      false) \
	S(hash_hash_o, "hash-hash-o",   H, STRING, WORDS, 6,        H, STRING, WORDS, 3,        5,     5,      true) \
	S(hash_hash_k, "hash-hash-k",   H, STRING, WORDS, 3,        H, INT, WORDS, 3,           1,     NEW_KEY, false) \
	S(hash_hash_l, "hash-hash-l",   H, INT, WORDS | LOCK, 3,    H, STRING, WORDS | LOCK, 3, 1,     NEW_KEY, true) \
	S(hash_hash_a, "hash-hash-a",   H, STRING, AUTOFREE, 3,     H, STRING, AUTOFREE, 3,     1,     NEW_KEY, false) \
	S(hash_hash_b, "hash-hash-b",   H, STRING, BYTES, 3,        H, INT, BYTES, 3,           1,     NEW_KEY, true) \
	S(hash_hash_g, "hash-hash-g",   H, STRING, WORDS, 3,        H, STRING, WORDS, 7,        1,     NEW_KEY, true) \
	S(hash_row,    "hash-row",      H, STRING, WORDS, 3,        V, 0, WORDS, 3,             1,     0,      false) \
	S(hash_row_o,  "hash-row-o",    H, STRING, WORDS, 3,        V, 0, WORDS, 3,             1,     0,      true) \
	S(hash_row_g,  "hash-row-g",    H, INT, AUTOFREE, 3,        V, 0, 0, 12,                1,     0,      false) \
	S(hash_row_0,  "hash-row-0",    H, INT, WORDS | LOCK, 3,    V, 0, WORDS | LOCK, 0,      1,     0,      true) \
	S(row_hash,    "row-hash",      V, 0, WORDS, 3,             H, STRING, WORDS, 3,        2,     NEW_KEY, false) \
	S(row_hash_o,  "row-hash-o",    V, 0, WORDS, 3,             H, STRING, WORDS, 3,        0,     NEW_KEY, true) \
	S(row_hash_a,  "row-hash-a",    V, 0, 0, 3,                 H, STRING, AUTOFREE, 3,     1,     NEW_KEY, false) \
	S(row_list,    "row-list",      V, 0, WORDS, 3,             L, 0, WORDS, 3,             1,     1,      false) \
	S(row_list_o,  "row-list-o",    V, 0, WORDS, 3,             L, 0, WORDS, 3,             1,     1,      true) \
	S(row_list_1,  "row-list-1",    V, 0, WORDS | LOCK, 1,      L, 0, WORDS | LOCK, 3,      0,     9,      false) \
	S(list_row,    "list-row",      L, 0, WORDS, 3,             V, 0, WORDS, 3,             1,     0,      false) \
	S(list_row_o,  "list-row-o",    L, 0, WORDS, 3,             V, 0, WORDS, 3,             1,     0,      true) \
	S(list_row_b,  "list-row-b",    L, 0, BYTES, 3,             V, 0, 0, 3,                 1,     0,      false) \
	S(list_row_l,  "list-row-l",    L, 0, WORDS | LOCK, 1,      V, 0, WORDS | LOCK, 12,     0,     0,      true) \
	S(row_row,     "row-row",       V, 0, WORDS, 3,             V, 0, WORDS, 3,             2,     0,      false) \
	S(row_row_o,   "row-row-o",     V, 0, WORDS | LOCK, 3,      V, 0, WORDS | LOCK, 3,      1,     0,      true)

#define FUNCTIONS(name, text, k, keys, flags, n, k2, keys2, flags2, n2, at, to_at, first) \
	static const struct scene name = { { k, keys, flags, n }, { k2, keys2, flags2, n2 }, at, to_at, first }; \
	static void prepare_##name(struct cast *c) { prepare(c, &name); } \
	static void run_##name(struct cast *c) { run(c, &name); }
#define ROW(name, text, ...) { "move-" text, PART_MEMBER, prepare_##name, run_##name, 0 },

SCENES(FUNCTIONS)

/* The same two containers, where a thread was killed before or after the commit
 * point.  Who settles one of them is killed, too. */
#define SETTLED(S) \
	S(hash_list,   "hash-list") \
	S(hash_list_a, "hash-list-a") \
	S(list_hash,   "list-hash") \
	S(list_hash_a, "list-hash-a") \
	S(hash_hash_b, "hash-hash-b") \
	S(hash_row,    "hash-row") \
	S(list_hash_c, "list-hash-c") \
	S(list_row_b,  "list-row-b") \
	S(row_list,    "row-list") \
	S(row_row_o,   "row-row")

#define SETTLE(name, what, done, taker) \
	static void half_##name##what(struct cast *c) { prepare_half(c, &name, done); } \
	static void settle_##name##what(struct cast *c) { settle(c, &name, taker); }
#define SETTLES(name, text) \
	SETTLE(name, _gu, false, false) SETTLE(name, _gd, true, false) \
	SETTLE(name, _tu, false, true) SETTLE(name, _td, true, true)
#define SETTLE_ROW(name, text, what, suffix) \
	{ "settle-" text suffix, PART_MEMBER, half_##name##what, settle_##name##what, 0 },
#define SETTLE_ROWS(name, text) \
	SETTLE_ROW(name, text, _gu, "-giver") SETTLE_ROW(name, text, _gd, "-giver-done") \
	SETTLE_ROW(name, text, _tu, "-taker") SETTLE_ROW(name, text, _td, "-taker-done")

SETTLED(SETTLES)

const struct op transfer_ops[] = { SCENES(ROW) SETTLED(SETTLE_ROWS) };
/* clang-format on */

const unsigned n_transfer_ops = N_OPS(transfer_ops);
