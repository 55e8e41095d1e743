/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Delays of who looks into a table without its lock, and of who has a stale
 * hint into another. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libfusion/core/names/field.h"
#include "libfusion/core/names/table_lens.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_drop.h"
#include "libfusion/core/refs/ref_private.h"
#include "libfusion/core/refs/ref_row.h"
#include "tests/crash/delay.h"
#include "tests/crash/ledger.h"

/* --- A chain that is changed under the lens ------------------------------- */

/* In the play's numbers: what the lens was told, and where the name is. */
enum { TOLD, FOUND, THERE };

#define WANTED "wanted"

/* Fields before it in the chain, and in another one. */
#define NAME 16
enum { FIRST, OTHER };

static char *name_of(struct play *play, int which)
{
	static_assert(2 * NAME <= 4 * sizeof(uint64_t), "they fit in the play");
	return (char *)&play->n[8] + which * NAME;
}

static void add(struct actor *a, const char *name, uint64_t addr)
{
	if (field_add(a->v, a->me, name, addr, 8, NULL, a->arena->id) < 0)
		die("cannot add a field");
}

static void drop(struct actor *a, const char *name)
{
	if (field_remove(a->v, a->me, name) < 0)
		die("cannot remove a field");
}

static uint32_t index_of(struct actor *a, const char *name)
{
	uint32_t i;

	if (table_lookup(a->v, KIND_FIELD, name, &i) < 0)
		die("the lens is blind");
	return i;
}

static uint32_t bucket_of(struct actor *a, const char *name)
{
	return view_field(a->v, index_of(a, name))->e.hash %
	       a->v->geo.tables[KIND_FIELD].n_buckets;
}

/* The last one that is added is the first in the chain. */
static void make_chain(struct actor *a)
{
	char *first = name_of(a->play, FIRST), name[NAME];
	uint32_t bucket;

	add(a, WANTED, 1);
	bucket = bucket_of(a, WANTED);
	for (unsigned i = 0; !*first; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		add(a, name, 2);
		if (bucket_of(a, name) == bucket)
			strcpy(first, name);
		else
			drop(a, strcpy(name_of(a->play, OTHER), name));
	}
	a->play->n[THERE] = index_of(a, WANTED);
}

static void look_up(struct actor *a)
{
	uint32_t i = UINT32_MAX;

	a->play->n[TOLD] = (uint64_t)table_lookup(a->v, KIND_FIELD, WANTED, &i);
	a->play->n[FOUND] = i;
}

static void remove_first(struct actor *a)
{
	drop(a, name_of(a->play, FIRST));
}

/* Its record is that of a field in another chain at once. */
static void use_again(struct actor *a)
{
	remove_first(a);
	add(a, name_of(a->play, OTHER), 3);
}

static void it_is_found(const struct view *v, struct play *play)
{
	(void)v;
	if (play->n[TOLD])
		fault(play, "a name that is there is not found: %d",
		      (int)play->n[TOLD]);
	else if (play->n[FOUND] != play->n[THERE])
		fault(play, "record %u was found, not %u",
		      (unsigned)play->n[FOUND], (unsigned)play->n[THERE]);
}

/* --- A record that is used again under the lens --------------------------- */

static void add_wanted(struct actor *a)
{
	add(a, WANTED, 1);
}

static void copy(struct actor *a)
{
	struct field_rec f;

	a->play->n[TOLD] = (uint64_t)field_copy(a->v, 0, &f);
	a->play->n[FOUND] = f.addr;
	a->play->n[THERE] = f.e.creator;
}

static void make_anew(struct actor *a)
{
	drop(a, WANTED);
	add(a, WANTED, 2);
}

/* The name is the same; so who has made it, and where it leads, tell. */
static void copy_is_of_one(const struct view *v, struct play *play)
{
	uint32_t creator =
		play->n[FOUND] == 1 ? play->id[VICTIM] : play->id[RIVAL];

	(void)v;
	if (!play->n[TOLD] && play->n[THERE] != creator)
		fault(play, "a copy is of two fields: %u by %u",
		      (unsigned)play->n[FOUND], (unsigned)play->n[THERE]);
}

/* --- A stale hint --------------------------------------------------------- */

/* In the play's numbers, and the two references in its pointers. */
enum { HINT, ROW, GEN, UP };
enum { GOES, STAYS };

static void make_refs(struct actor *a)
{
	uint32_t hint = 0;
	struct ref *r[2];

	if (ref_create(a->v, a->me, NULL, a->arena->id, &r[GOES]) < 0 ||
	    ref_create(a->v, a->me, NULL, a->arena->id, &r[STAYS]) < 0 ||
	    ref_up(a->v, a->me, r[GOES], &hint) < 0 || !hint)
		die("cannot make references");
	a->play->p[GOES] = r[GOES];
	a->play->p[STAYS] = r[STAYS];
	a->play->n[HINT] = hint;
}

static void up_by_hint(struct actor *a)
{
	uint32_t hint = (uint32_t)a->play->n[HINT];

	a->play->n[UP] =
		(uint64_t)ref_up(a->v, a->me, a->play->p[STAYS], &hint);
}

/* The row of the one that goes is used again for the one that stays, by a
 * thread of another member that is between the two halves of ref_up(): it has
 * made its row and not got the guard yet. */
static void make_row(struct actor *a)
{
	const struct ref *r = a->play->p[STAYS];
	uint32_t i, gen;

	if (ref_destroy(a->v, a->me, a->play->p[GOES]) < 0 ||
	    row_make(a->v, a->me, ref_member_of(a->v, a->me),
		     ref_index(a->v, r), r->id, &i, &gen) < 0)
		die("cannot make a row");
	if (i + 1 != a->play->n[HINT])
		die("it is another row");
	a->play->n[ROW] = i;
	a->play->n[GEN] = gen;
}

/* Another thread was faster. */
static void drop_row(struct actor *a)
{
	if (row_free(a->v, a->me, (uint32_t)a->play->n[ROW],
		     (uint32_t)a->play->n[GEN]) < 0)
		die("cannot free the row");
	store_relaxed(&a->me->row.op, ROW_OP_NONE);
}

static void it_counts(struct actor *a)
{
	int r = (int)a->play->n[UP];

	if (r < 0)
		fault(a->play, "cannot count: %d", r);
	r = ref_down(a->v, a->me, a->play->p[STAYS], NULL);
	if (r < 0)
		fault(a->play, "what was counted is not there: %d", r);
}

/* clang-format off */
const struct scene table_scenes[] = {
	{"chain-loses-its-first",
	 {{RIVAL, make_chain}}, look_up, remove_first,
	 {{0}}, it_is_found, table_lookup, 0, false},
	{"chain-whose-first-is-used-again",
	 {{RIVAL, make_chain}}, look_up, use_again,
	 {{0}}, it_is_found, table_lookup, 0, false},
	{"copy-of-a-record-used-again",
	 {{VICTIM, add_wanted}}, copy, make_anew,
	 {{0}}, copy_is_of_one, table_copy, 0, false},
	{"stale-hint",
	 {{VICTIM, make_refs}}, up_by_hint, make_row,
	 {{RIVAL, drop_row}, {VICTIM, it_counts}}, NULL, NULL, 0, false},
};
/* clang-format on */
const unsigned n_table_scenes = sizeof(table_scenes) / sizeof(*table_scenes);
