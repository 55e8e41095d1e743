/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A value was moving between two containers when the mover died, and two
 * threads look after one of them each. */
#include "tests/crash/delay.h"
#include "tests/crash/ledger.h"
#include "tests/half_transfer.h"
#include "tests/nameless_container.h"

/* In the play's pointers and numbers. */
enum { LIST, HASH, ROW };
enum { DONE, READ };

#define KEY fusion_key_int(7)
#define FIRST 1	    /* moves from the list */
#define SECOND 2    /* stays there, and goes to the row */
#define THIRD_ONE 3 /* comes from the row */

static void must(int r)
{
	if (r < 0)
		die("what is to be moved cannot be made: %d", r);
}

static void leave(struct actor *a, bool done)
{
	const struct fusion_key key = KEY;
	struct fusion_list *l;
	struct fusion_hash *h;
	struct fusion_vector *v;
	struct transfer_side from, to;

	must(list_create(a->arena, FUSION_CONTAINER_WORDS, &l));
	must(hash_create(a->arena, FUSION_KEY_INT, FUSION_CONTAINER_WORDS, &h));
	must(vector_create(a->arena, FUSION_CONTAINER_WORDS, &v));
	must(fusion_list_insert_back(l, fusion_value_word(FIRST), NULL));
	must(fusion_list_insert_back(l, fusion_value_word(SECOND), NULL));
	must(fusion_vector_add(v, fusion_value_word(THIRD_ONE)));
	from = list_side(l, NULL);
	to = hash_side(h, &key);
	must(half_transfer(a->arena, &from, &to, done));
	a->play->p[LIST] = l;
	a->play->p[HASH] = h;
	a->play->p[ROW] = v;
	a->play->n[DONE] = done;
}

static void leave_done(struct actor *a)
{
	leave(a, true);
}

static void leave_undone(struct actor *a)
{
	leave(a, false);
}

/* --- The taker, beside the giver ------------------------------------------ */

static uint64_t value_in_hash(struct actor *a)
{
	struct fusion_value value = {0};
	int r = fusion_hash_value(a->play->p[HASH], KEY, &value);

	if (r < 0 && r != -ENOENT)
		fault(a->play, "the taker cannot be read: %d", r);
	return value.word;
}

static void read_taker(struct actor *a)
{
	a->play->n[READ] = value_in_hash(a);
}

/* It may be settled, or read only. */
static void settle_taker(struct actor *a)
{
	int r = fusion_hash_insert(a->play->p[HASH], fusion_key_int(8),
				   fusion_value_word(8));

	if (r < 0)
		fault(a->play, "the taker cannot be changed: %d", r);
	read_taker(a);
}

/* The giver gives to another. */
static void move_on(struct actor *a)
{
	int r = fusion_list_move_to_vector(a->play->p[LIST], NULL,
					   a->play->p[ROW]);

	if (r != 1)
		fault(a->play, "the giver gives nothing: %d", r);
}

static void end_giver(struct actor *a)
{
	int r;

	move_on(a);
	r = fusion_list_destroy(a->play->p[LIST]);
	if (r < 0)
		fault(a->play, "the giver cannot be destroyed: %d", r);
}

static void value_is_once(struct actor *a)
{
	uint64_t want = a->play->n[DONE] ? FIRST : 0;

	if (a->play->n[READ] != want || value_in_hash(a) != want)
		fault(a->play, "the taker has %llu, and then %llu, not %llu",
		      (unsigned long long)a->play->n[READ],
		      (unsigned long long)value_in_hash(a),
		      (unsigned long long)want);
}

/* --- The giver, beside the taker ------------------------------------------ */

/* As the next call does that changes it. */
static void settle_giver(struct actor *a)
{
	int r = list_settle(a->play->p[LIST], a->arena);

	if (r < 0)
		fault(a->play, "the giver cannot be settled: %d", r);
}

/* The taker is settled, and takes from another, whose mover dies as well. */
static void take_from_row(struct actor *a)
{
	const struct fusion_key key = KEY;
	struct transfer_side from = vector_side(a->play->p[ROW], 0),
			     to = hash_side(a->play->p[HASH], &key);
	int r = fusion_hash_remove(a->play->p[HASH], key, NULL);

	if (r < 0 && r != -ENOENT)
		fault(a->play, "the taker cannot be settled: %d", r);
	r = half_transfer(a->arena, &from, &to, true);
	if (r < 0)
		fault(a->play, "the taker does not take: %d", r);
}

static void third_is_there(struct actor *a)
{
	uint64_t n = 0;

	if (value_in_hash(a) != THIRD_ONE)
		fault(a->play, "the value from the row is lost");
	if (fusion_vector_count(a->play->p[ROW], &n) < 0 || n)
		fault(a->play, "the row has it still");
}

/* clang-format off */
const struct scene transfer_scenes[] = {
	{"taker-beside-its-giver",
	 {{VICTIM, leave_done}}, read_taker, move_on,
	 {{RIVAL, value_is_once}}, NULL, NULL, 0, false},
	{"taker-is-settled-beside-its-giver",
	 {{VICTIM, leave_done}}, settle_taker, end_giver,
	 {{RIVAL, value_is_once}}, NULL, NULL, 0, false},
	{"taker-in-vain-beside-its-giver",
	 {{VICTIM, leave_undone}}, settle_taker, end_giver,
	 {{RIVAL, value_is_once}}, NULL, NULL, 0, false},
	{"giver-beside-its-taker",
	 {{RIVAL, leave_done}}, settle_giver, take_from_row,
	 {{RIVAL, third_is_there}}, NULL, NULL, 0, false},
	{"giver-in-vain-beside-its-taker",
	 {{RIVAL, leave_undone}}, settle_giver, take_from_row,
	 {{RIVAL, third_is_there}}, NULL, NULL, 0, false},
};
/* clang-format on */
const unsigned n_transfer_scenes =
	sizeof(transfer_scenes) / sizeof(*transfer_scenes);
