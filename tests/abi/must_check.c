/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Results that no program may ignore
 *
 * Each line of a function below ignores one, and the compiler has to warn at
 * each of these lines: tests/abi/must_check compares.
 */
#include <fusion/fusion.h>

void ignore_skirmish(struct fusion_skirmish *s, fusion_skirmish_mend_fn mend);
void ignore_property(struct fusion_property *p);
void ignore_call(struct fusion_call *c);
void ignore_ref(struct fusion_ref *r);
void ignore_container(struct fusion_hash *h, struct fusion_vector *v,
		      struct fusion_list *l);
void ignore_arena(struct fusion_arena *a);

/* clang-format off */
void ignore_skirmish(struct fusion_skirmish *s, fusion_skirmish_mend_fn mend)
{
	fusion_skirmish_lock(s);
	fusion_skirmish_lock_timed(s, 0, 0);
	fusion_skirmish_trylock(s);
	fusion_skirmish_prevail(s);
	fusion_skirmish_prevail_timed(s, 0, 0);
	fusion_skirmish_swoop(s);
	fusion_skirmish_prevail_mend(s, mend, NULL);
	fusion_skirmish_prevail_multi(&s, 1);
	fusion_skirmish_wait(s, 0, 0);
}

void ignore_property(struct fusion_property *p)
{
	fusion_property_lease(p);
	fusion_property_lease_timed(p, 0, 0);
	fusion_property_purchase(p);
	fusion_property_purchase_timed(p, 0, 0);
}

void ignore_call(struct fusion_call *c)
{
	fusion_call_execute(c, NULL, 0, NULL, 0, NULL);
}

void ignore_ref(struct fusion_ref *r)
{
	fusion_ref_zero_lock(r, 0, 0);
	fusion_ref_zero_trylock(r);
}

void ignore_container(struct fusion_hash *h, struct fusion_vector *v,
		      struct fusion_list *l)
{
	fusion_hash_lock(h);
	fusion_vector_lock(v);
	fusion_list_lock(l);
}

void ignore_arena(struct fusion_arena *a)
{
	fusion_arena_enter("a", NULL, &a);
}

/* clang-format on */
