/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pointers that are no handles, or none any more
 *
 *   handles ARENA
 *
 * Each is refused, and nothing is read there: what was freed is poisoned by
 * AddressSanitizer, and the rest cannot be read at all.  "ok", or what was
 * wrong.  Nor can a function exit its arena that the library runs on a thread,
 * and behind which it goes on with the arena.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fusion/fusion.h>

static void expect(const char *what, long is, long want)
{
	if (is == want)
		return;
	printf("%s: %ld, not %ld\n", what, is, want);
	fflush(stdout);
	_exit(1);
}

static void on_message(const struct fusion_message *m, void *ctx)
{
	(void)m;
	(void)ctx;
}

static void on_leave(struct fusion_arena *a, enum fusion_notice notice,
		     fusion_id_t id, void *ctx)
{
	(void)a;
	(void)notice;
	(void)id;
	(void)ctx;
}

/* All that an arena's handle is asked for. */
static void try_arena(struct fusion_arena *a)
{
	struct fusion_member member;
	struct fusion_heap_pool *pool;
	struct fusion_ref *ref;
	void *base = a;

	expect("exit", fusion_arena_exit(a), -EINVAL);
	expect("id", fusion_arena_id(a), 0);
	expect("master", fusion_arena_master(a), 0);
	expect("name", fusion_arena_name(a)[0], 0);
	fusion_arena_range(a, &base, NULL);
	expect("range", (long)(intptr_t)base, 0);
	expect("is_shared", fusion_arena_is_shared(a, &ref), 0);
	expect("set_root", fusion_arena_set_root(a, NULL), -EINVAL);
	expect("root", fusion_arena_root(a) != NULL, 0);
	expect("members",
	       fusion_members_list(a, &member, sizeof(member), 1, NULL),
	       -EINVAL);
	expect("wait", fusion_members_wait(a, 7, 0, 0), -EINVAL);
	expect("kill", fusion_members_kill(a, 7, 0, 0, 0), -EINVAL);
	expect("on_leave", fusion_arena_on_leave(a, on_leave, NULL, NULL, NULL),
	       -EINVAL);
	expect("malloc", fusion_malloc(a, 10) != NULL, 0);
	expect("pool", fusion_heap_pool_create(a, "p", NULL, &pool), -EINVAL);
	expect("ref", fusion_ref_create(a, "r", NULL, &ref), -EINVAL);
	expect("fd", fusion_arena_fd(a), -EINVAL);
	expect("dispatch", fusion_arena_dispatch(a, 0, 0), -EINVAL);
	expect("sync", fusion_arena_sync(a, 0, 0), -EINVAL);
	expect("handle",
	       fusion_message_handle(a, 1, on_message, NULL, NULL, NULL),
	       -EINVAL);
	expect("send", fusion_message_send(a, 1, 1, "x", 1, 0, 0), -EINVAL);
}

static enum fusion_reaction_result
on_reaction(const struct fusion_reactor_message *m, void *ctx)
{
	(void)m;
	(void)ctx;
	return FUSION_REACTION_KEEP;
}

static void try_reactions(struct fusion_arena *a)
{
	struct fusion_reaction *x, *y;
	struct fusion_reactor *r;
	char stack[256] = "";

	fusion_reactor_create(a, "r", NULL, &r);
	expect("attach", fusion_reactor_attach(r, NULL, on_reaction, NULL, &x),
	       0);
	expect("attach",
	       fusion_reactor_attach(
		       r,
		       &(const struct fusion_reactor_attach_options){
			       .size = sizeof(
				       struct fusion_reactor_attach_options),
			       .channel = 1},
		       on_reaction, NULL, &y),
	       0);
	expect("detach", fusion_reactor_detach(x), 0);
	expect("detach twice", fusion_reactor_detach(x), -EINVAL);
	expect("detach nothing", fusion_reactor_detach(NULL), 0);
	expect("detach the stack",
	       fusion_reactor_detach((struct fusion_reaction *)stack), -EINVAL);
	expect("detach", fusion_object_detach(y), 0);
	expect("detach twice", fusion_object_detach(y), -EINVAL);
}

static void try_pools(struct fusion_arena *a, void *nowhere)
{
	struct fusion_heap_pool_stat stats;
	struct fusion_heap_pool *p, *q;

	expect("pool", fusion_heap_pool_create(a, "p", NULL, &p), 0);
	expect("pool", fusion_heap_pool_lookup(a, "p", &q), 0);
	fusion_heap_pool_release(q);
	fusion_heap_pool_release(q);
	fusion_heap_pool_release(nowhere);
	expect("stats", fusion_heap_pool_stat(q, &stats, sizeof(stats)),
	       -EINVAL);
	expect("destroy", fusion_heap_pool_destroy(q), -EINVAL);
	expect("destroy nowhere", fusion_heap_pool_destroy(nowhere), -EINVAL);
	expect("destroy", fusion_heap_pool_destroy(p), 0);
	expect("destroy twice", fusion_heap_pool_destroy(p), -EINVAL);
}

/* Of which a function tries to exit. */
static struct fusion_arena *inside;

static struct fusion_arena *enter(const char *name)
{
	struct fusion_arena *a;

	expect("enter", fusion_arena_enter(name, NULL, &a), 0);
	return a;
}

static int count(struct fusion_arena *a, void *ctx)
{
	(void)a;
	++*(int *)ctx;
	return 0;
}

/* An entry beside another one changes nothing: not what runs at the end. */
static void enter_again(const char *name)
{
	int first = 0, second = 0;
	struct fusion_arena_options o = FUSION_ARENA_OPTIONS_INIT;
	struct fusion_arena *a, *b;

	o.shutdown = o.leave = count;
	o.ctx = &first;
	expect("enter", fusion_arena_enter(name, &o, &a), 0);
	o.ctx = &second;
	expect("again", fusion_arena_enter(name, &o, &b), 0);
	expect("handle", a == b, 1);
	expect("exit", fusion_arena_exit(a), 0);
	expect("not yet", first, 0);
	expect("exit", fusion_arena_exit(b), 0);
	expect("first", first, 1);
	expect("second", second, 0);
}

static void end_object(struct fusion_object *o, bool zombie, void *ctx)
{
	(void)o, (void)zombie, (void)ctx;
}

static void exit_and_describe(struct fusion_object *o, char *text, size_t size,
			      void *ctx)
{
	int *r = ctx;

	(void)o;
	*r = fusion_arena_exit(inside);
	snprintf(text, size, "described");
}

static bool exit_and_go_on(struct fusion_object *o, void *ctx)
{
	int *r = ctx;

	(void)o;
	*r = fusion_arena_exit(inside);
	return true;
}

/* What goes on with the arena behind a function cannot lose it there. */
static void exit_in_description(struct fusion_arena *a)
{
	struct fusion_object_pool_options o = FUSION_OBJECT_POOL_OPTIONS_INIT;
	struct fusion_object_pool *pool;
	struct fusion_object *object;
	struct fusion_slot *slot;
	int r = 1;

	o.object_size = 8;
	inside = a;
	expect("pool", fusion_object_pool_create(a, "p", &o, &pool), 0);
	expect("register", fusion_object_pool_register(pool, end_object, NULL),
	       0);
	expect("describe",
	       fusion_object_pool_on_describe(pool, exit_and_describe, &r, NULL,
					      &slot),
	       0);
	expect("create", fusion_object_create(pool, &object), 0);
	expect("activate", fusion_object_activate(object), 0);
	expect("exit in a description", r, -EDEADLK);
	r = 1;
	expect("show", fusion_object_pool_enum(pool, exit_and_go_on, &r), 0);
	expect("exit where objects are shown", r, -EDEADLK);
	expect("cancel", fusion_slot_cancel(slot), 0);
	expect("unref", fusion_object_unref(object), 0);
}

static enum fusion_reaction_result
exit_and_keep(const struct fusion_reactor_message *m, void *ctx)
{
	int *r = ctx;

	(void)m;
	*r = fusion_arena_exit(inside);
	return FUSION_REACTION_KEEP;
}

/* This thread dispatches, and runs the reaction before it does so. */
static void exit_in_reaction(struct fusion_arena *a)
{
	struct fusion_reactor_dispatch_options o =
		FUSION_REACTOR_DISPATCH_OPTIONS_INIT;
	struct fusion_reaction *reaction;
	struct fusion_reactor *reactor;
	int r = 1;

	o.flags = FUSION_REACTOR_SELF;
	inside = a;
	expect("reactor", fusion_reactor_create(a, "exits", NULL, &reactor), 0);
	expect("attach",
	       fusion_reactor_attach(reactor, NULL, exit_and_keep, &r,
				     &reaction),
	       0);
	expect("dispatch", fusion_reactor_dispatch(reactor, &o, "x", 1), 0);
	expect("exit in a reaction", r, -EDEADLK);
	expect("detach", fusion_reactor_detach(reaction), 0);
}

static int exit_and_answer(const struct fusion_call_request *request, void *ctx)
{
	int *r = ctx;

	(void)request;
	*r = fusion_arena_exit(inside);
	return 0;
}

/* The caller is the owner: so it runs the handler itself. */
static void exit_in_call(struct fusion_arena *a)
{
	struct fusion_call_options o = FUSION_CALL_OPTIONS_INIT;
	struct fusion_call *call;
	int r = 1;

	o.fn = exit_and_answer;
	o.ctx = &r;
	inside = a;
	expect("call", fusion_call_create(a, "exits", &o, &call), 0);
	expect("execute", fusion_call_execute(call, NULL, 0, NULL, 0, NULL), 0);
	expect("exit in a call", r, -EDEADLK);
	expect("destroy", fusion_call_destroy(call), 0);
}

static int in_global;

static enum fusion_reaction_result
exit_in_each(const struct fusion_reactor_message *m, void *ctx)
{
	(void)m, (void)ctx;
	in_global = fusion_arena_exit(inside);
	return FUSION_REACTION_KEEP;
}

static void exit_in_global(struct fusion_arena *a)
{
	struct fusion_reactor_dispatch_options o =
		FUSION_REACTOR_DISPATCH_OPTIONS_INIT;
	const fusion_global_fn globals[] = {exit_in_each};
	struct fusion_reactor *reactor;

	o.globals = globals;
	o.n_globals = 1;
	inside = a;
	expect("reactor", fusion_reactor_create(a, "all", NULL, &reactor), 0);
	expect("global", fusion_reactor_attach_global(reactor, NULL, NULL), 0);
	expect("dispatch", fusion_reactor_dispatch(reactor, &o, "x", 1), 0);
	expect("exit in a global reaction", in_global, -EDEADLK);
	expect("destroy", fusion_reactor_destroy(reactor), 0);
}

int main(int argc, char **argv)
{
	void *nowhere =
		mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct fusion_arena *a, *gone;
	char stack[4096] = "";

	if (argc != 2)
		return 2;
	gone = enter("gone");
	expect("exit", fusion_arena_exit(gone), 0);
	try_arena(gone);
	enter_again("again");
	a = enter(argv[1]);
	try_reactions(a);
	try_pools(a, nowhere);
	exit_in_description(a);
	exit_in_reaction(a);
	exit_in_call(a);
	exit_in_global(a);
	try_arena(NULL);
	try_arena((struct fusion_arena *)stack);
	try_arena(nowhere);
	try_arena((struct fusion_arena *)(uintptr_t)0x123456789abcdefull);
	try_arena(fusion_malloc(a, 8192));
	try_arena((struct fusion_arena *)((char *)a + 8));
	expect("id", fusion_arena_id(a) != 0, 1);
	expect("exit", fusion_arena_exit(a), 0);
	puts("ok");
	return 0;
}
