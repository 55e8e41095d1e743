/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands of a member that has objects
 *
 *   object-pool NAME [SIZE]      make one; each destructor that runs here is a
 *                                line "ended ID left" or "ended ID zombie"
 *   object-register NAME [die|quiet]   be willing; die: in the destructor
 *   object-unregister NAME  object-destroy-pool NAME
 *   object-make NAME [COUNT]     "made ID", active, of the last one
 *   object-half NAME             the same, not active
 *   object-activate|-ref|-unref|-get|-globalize|-catch NAME ID
 *   object-throw NAME ID MEMBER  object-owner NAME ID MEMBER
 *   object-string NAME ID KEY TEXT  object-integer NAME ID KEY VALUE
 *   object-line NAME ID TEXT     describe it
 *   object-access NAME ID PATH
 *   object-reactor NAME ID       have one
 *   object-dispatch NAME ID TEXT
 */
#include "member.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void ended(struct fusion_object *object, bool zombie, void *ctx)
{
	(void)ctx;
	said("ended %u %s", fusion_object_id(object),
	     zombie ? "zombie" : "left");
}

static void dies(struct fusion_object *object, bool zombie, void *ctx)
{
	ended(object, zombie, ctx);
	kill(getpid(), SIGKILL);
}

static int find_pool(const struct words *c, struct fusion_object_pool **ret)
{
	return fusion_object_pool_lookup(arena_now(), word(c, 1), ret);
}

static int find(const struct words *c, struct fusion_object **ret)
{
	struct fusion_object_pool *pool;
	int r = find_pool(c, &pool);

	return r < 0 ? r
		     : fusion_object_lookup(pool, (fusion_id_t)number(c, 2),
					    ret);
}

/* --- Pools ---------------------------------------------------------------- */

static int do_pool(const struct words *c)
{
	struct fusion_object_pool *pool;

	return answer(fusion_object_pool_create(
		arena_now(), word(c, 1),
		&(struct fusion_object_pool_options){
			.size = sizeof(struct fusion_object_pool_options),
			.object_size = c->n > 2 ? number(c, 2) : 0,
			.destructor = ended},
		&pool));
}

static int do_register(const struct words *c)
{
	struct fusion_object_pool *pool;
	fusion_object_destructor_fn fn = ended;
	int r = find_pool(c, &pool);

	if (c->n > 2)
		fn = !strcmp(word(c, 2), "die") ? dies : NULL;
	/* The answer comes before the lines of what is destroyed now. */
	flockfile(stdout);
	r = answer(r < 0 ? r : fusion_object_pool_register(pool, fn, NULL));
	funlockfile(stdout);
	return r;
}

static int of_pool(const struct words *c,
		   int (*fn)(struct fusion_object_pool *pool))
{
	struct fusion_object_pool *pool;
	int r = find_pool(c, &pool);

	return answer(r < 0 ? r : fn(pool));
}

static int do_unregister(const struct words *c)
{
	return of_pool(c, fusion_object_pool_unregister);
}

static int do_destroy_pool(const struct words *c)
{
	return of_pool(c, fusion_object_pool_destroy);
}

/* --- Objects -------------------------------------------------------------- */

static int make(const struct words *c, bool active)
{
	uint64_t n = c->n > 2 ? number(c, 2) : 1;
	struct fusion_object *object = NULL;
	struct fusion_object_pool *pool;
	int r = find_pool(c, &pool);

	for (uint64_t i = 0; i < n && r >= 0; i++) {
		r = fusion_object_create(pool, &object);
		if (r == 0 && active)
			r = fusion_object_activate(object);
	}
	return r < 0 ? answer(r) : said("made %u", fusion_object_id(object));
}

static int do_make(const struct words *c)
{
	return make(c, true);
}

static int do_half(const struct words *c)
{
	return make(c, false);
}

static int of_object(const struct words *c,
		     int (*fn)(struct fusion_object *object))
{
	struct fusion_object *object;
	int r = find(c, &object);

	return answer(r < 0 ? r : fn(object));
}

static int do_activate(const struct words *c)
{
	return of_object(c, fusion_object_activate);
}

static int do_ref(const struct words *c)
{
	return of_object(c, fusion_object_ref);
}

static int do_unref(const struct words *c)
{
	return of_object(c, fusion_object_unref);
}

static int do_globalize(const struct words *c)
{
	return of_object(c, fusion_object_globalize);
}

static int do_catch(const struct words *c)
{
	return of_object(c, fusion_object_catch);
}

static int do_get(const struct words *c)
{
	struct fusion_object_pool *pool;
	struct fusion_object *object;
	int r = find_pool(c, &pool);

	return answer(r < 0 ? r
			    : fusion_object_get(pool, (fusion_id_t)number(c, 2),
						&object));
}

static int do_throw(const struct words *c)
{
	struct fusion_object *object;
	int r = find(c, &object);

	return answer(
		r < 0 ? r
		      : fusion_object_throw(object, (fusion_id_t)number(c, 3)));
}

static int do_owner(const struct words *c)
{
	struct fusion_object *object;
	int r = find(c, &object);

	return answer(r < 0 ? r
			    : fusion_object_add_owner(
				      object, (fusion_id_t)number(c, 3)));
}

static int do_string(const struct words *c)
{
	struct fusion_object *object;
	int r = find(c, &object);

	return answer(r < 0 ? r
			    : fusion_object_set_string(object, word(c, 3),
						       word(c, 4)));
}

static int do_integer(const struct words *c)
{
	struct fusion_object *object;
	int r = find(c, &object);

	return answer(r < 0 ? r
			    : fusion_object_set_integer(object, word(c, 3),
							(int64_t)number(c, 4)));
}

static int do_line(const struct words *c)
{
	struct fusion_object *object;
	int r = find(c, &object);

	return answer(
		r < 0 ? r : fusion_object_set_description(object, word(c, 3)));
}

static int do_access(const struct words *c)
{
	struct fusion_object *object;
	int r = find(c, &object);

	return answer(r < 0 ? r : fusion_object_add_access(object, word(c, 3)));
}

static int do_reactor(const struct words *c)
{
	struct fusion_reactor *reactor;
	struct fusion_object *object;
	int r = find(c, &object);

	return answer(r < 0 ? r : fusion_object_reactor(object, &reactor));
}

static int do_dispatch(const struct words *c)
{
	struct fusion_object *object;
	int r = find(c, &object);

	return answer(r < 0 ? r
			    : fusion_object_dispatch(object, NULL, word(c, 3),
						     strlen(word(c, 3))));
}

/* clang-format off */
const struct command object_commands[] = {
	{"object-pool", do_pool, true},
	{"object-register", do_register, true},
	{"object-unregister", do_unregister, true},
	{"object-destroy-pool", do_destroy_pool, true},
	{"object-make", do_make, true},	{"object-half", do_half, true},
	{"object-activate", do_activate, true},
	{"object-ref", do_ref, true},	{"object-unref", do_unref, true},
	{"object-get", do_get, true},	{"object-catch", do_catch, true},
	{"object-globalize", do_globalize, true},
	{"object-throw", do_throw, true}, {"object-owner", do_owner, true},
	{"object-string", do_string, true},
	{"object-integer", do_integer, true},
	{"object-line", do_line, true},	{"object-access", do_access, true},
	{"object-reactor", do_reactor, true},
	{"object-dispatch", do_dispatch, true},
	{0},
};
/* clang-format on */
