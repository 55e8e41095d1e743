/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions of the program that do not return to the library
 *
 *   throws WHAT throw|jump
 *
 * Each WHAT has the library call a function that throws an exception, or jumps
 * out; the caller catches that.  Then the arena must be as usable as before:
 * what ran can be taken away, others can enter, this process can exit.  "ok",
 * or what was wrong.
 */
#include <cerrno>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fusion/fusion.h>

static bool jumps;
static jmp_buf back;
static const char *self;
static fusion_arena *arena;

static void die(const char *what, long r)
{
	printf("%s: %ld (%s)\n", what, r, r < 0 ? strerror(int(-r)) : "");
	fflush(stdout);
	_exit(1);
}

static void expect(const char *what, long is, long want)
{
	if (is != want)
		die(what, is);
}

static void out()
{
	if (jumps)
		longjmp(back, 1);
	throw 1;
}

/* Call @fn until it is left by out(). */
template <typename F> static void leave_by(const char *what, F fn)
{
	volatile int tries = 0;

	if (setjmp(back))
		return;
	try {
		for (; tries < 1000; tries = tries + 1)
			fn();
	} catch (int) {
		return;
	}
	die(what, 0);
}

/* Do the callbacks of exiting leave, too? */
static bool shutdown_is_out, leave_is_out;

static int may_shut_down(fusion_arena *, void *)
{
	if (shutdown_is_out)
		out();
	return 0;
}

static int may_leave(fusion_arena *, void *)
{
	if (leave_is_out)
		out();
	return 0;
}

static void dispatch()
{
	int r = fusion_arena_dispatch(arena, 100000000, FUSION_WAIT_INTERRUPTIBLE);

	if (r < 0)
		die("dispatch", r);
}

/* All there is, and it works. */
static void dispatch_rest()
{
	expect("sync", fusion_arena_sync(arena, 5000000000, 0), 0);
}

static void enter(const char *name, uint32_t flags = 0)
{
	fusion_arena_options o = FUSION_ARENA_OPTIONS_INIT;
	int r;

	o.flags = flags;
	o.timeout_ns = 10000000000;
	o.shutdown = may_shut_down;
	o.leave = may_leave;
	r = fusion_arena_enter(name, &o, &arena);
	if (r < 0)
		die("enter", r);
}

static void leave_arena()
{
	expect("exit", fusion_arena_exit(arena), 0);
}

/* Another process enters and leaves, or stays until it is told. */
static pid_t other(const char *name, const char *how, int *ret_fd)
{
	int fds[2], told[2];
	char c;
	pid_t pid;

	if (pipe(fds) < 0 || pipe(told) < 0)
		die("pipe", 0);
	pid = fork();
	if (!pid) {
		dup2(fds[0], 0);
		dup2(told[1], 3);
		close(fds[1]);
		close(told[0]);
		execl(self, self, how, name, (char *)nullptr);
		_exit(9);
	}
	close(fds[0]);
	close(told[1]);
	if (read(told[0], &c, 1) != 1)
		die("the other process", 0);
	close(told[0]);
	*ret_fd = fds[1];
	return pid;
}

static void end_other(pid_t pid, int fd)
{
	int status;

	close(fd);
	if (waitpid(pid, &status, 0) != pid || status)
		die("the other process ended", status);
}

static void others_enter(const char *name)
{
	int fd;
	pid_t pid = other(name, "stay", &fd);

	end_other(pid, fd);
}

static int stay(const char *name)
{
	char c;

	enter(name);
	if (write(3, "x", 1) != 1 || read(0, &c, 1) != 0)
		return 1;
	leave_arena();
	return 0;
}

/* --- Entering and leaving ------------------------------------------------- */

static int arena_out(fusion_arena *, void *)
{
	out();
	return 0;
}

static void enter_with(const char *name, fusion_arena_fn initialize,
		       fusion_arena_fn join)
{
	fusion_arena_options o = {};

	o.size = sizeof(o);
	o.timeout_ns = 10000000000;
	o.initialize = initialize;
	o.join = join;
	/* A callback leaves it, so that it does not come back. */
	if (fusion_arena_enter(name, &o, &arena) >= 0)
		expect("enter", 1, 0);
}

static void initialize()
{
	leave_by("initialize", [] { enter_with("w", arena_out, nullptr); });
	if (jumps) /* noticed when we call again */
		fusion_arena_exit(nullptr);
	others_enter("w");
	enter("w");
	leave_arena();
}

static void join()
{
	int fd;
	pid_t pid = other("w", "stay", &fd);

	leave_by("join", [] { enter_with("w", nullptr, arena_out); });
	enter("w");
	leave_arena();
	end_other(pid, fd);
}

static void shut_down()
{
	enter("w");
	shutdown_is_out = true;
	leave_by("shutdown", [] { fusion_arena_exit(arena); });
	shutdown_is_out = false;
	if (jumps)
		fusion_arena_exit(nullptr);
	others_enter("w");
	leave_arena();
	others_enter("w");
}

static void leave()
{
	int fd;
	pid_t pid;

	enter("w");
	pid = other("w", "stay", &fd);
	leave_is_out = true;
	leave_by("leave", [] { fusion_arena_exit(arena); });
	leave_is_out = false;
	if (jumps)
		fusion_arena_exit(nullptr);
	end_other(pid, fd);
	leave_arena();
}

/* --- On the dispatcher ---------------------------------------------------- */

static void message_out(const fusion_message *, void *)
{
	out();
}

static void message()
{
	fusion_slot *slot;
	fusion_id_t me;
	void *block;

	enter("w", FUSION_ENTER_MANUAL);
	me = fusion_arena_id(arena);
	fusion_message_handle(arena, 1, message_out, nullptr, nullptr, &slot);
	for (int i = 0; i < 3; i++)
		fusion_message_send(arena, me, 1, "x", 1, 0, 0);
	block = fusion_malloc(arena, 5000);
	expect("send", fusion_message_send_block(arena, me, 1, block, 0, 0), 0);
	for (int i = 0; i < 4; i++)
		leave_by("message", dispatch);
	expect("cancel", fusion_slot_cancel(slot), 0);
	expect("block", (long)fusion_usable_size(block), 0);
	dispatch_rest();
	leave_arena();
}

static int call_out(const fusion_call_request *, void *)
{
	out();
	return 0;
}

static void create_call(fusion_call **ret)
{
	fusion_call_options o = FUSION_CALL_OPTIONS_INIT;

	o.fn = call_out;
	expect("create", fusion_call_create(arena, "c", &o, ret), 0);
}

static void own_call()
{
	fusion_skirmish_options o = FUSION_SKIRMISH_OPTIONS_INIT;
	fusion_skirmish *s;
	fusion_call *c;
	int r = 0;

	enter("w");
	create_call(&c);
	leave_by("call", [&] {
		r = fusion_call_execute(c, nullptr, 1, nullptr, 0, nullptr);
	});
	fusion_skirmish_create(arena, "s", &o, &s);
	expect("prevail", fusion_skirmish_prevail(s), 0);
	expect("dismiss", fusion_skirmish_dismiss(s), 0);
	expect("destroy", fusion_call_destroy(c), 0);
	leave_arena();
}

static void *execute(void *call)
{
	fusion_call_execute_options o = FUSION_CALL_EXECUTE_OPTIONS_INIT;
	fusion_call_answer answer = FUSION_CALL_ANSWER_INIT;

	o.timeout_ns = 10000000000;
	o.flags = FUSION_CALL_NODIRECT;
	return (void *)(long)fusion_call_execute((fusion_call *)call, &o, 1,
						 nullptr, 0, &answer);
}

static void call()
{
	pthread_t t;
	fusion_call *c;
	void *r;

	enter("w", FUSION_ENTER_MANUAL);
	create_call(&c);
	for (int i = 0; i < 2; i++) {
		pthread_create(&t, nullptr, execute, c);
		leave_by("call", dispatch);
		if (jumps)
			dispatch();
		pthread_join(t, &r);
		expect("the caller", (long)r, -ECANCELED);
	}
	expect("destroy", fusion_call_destroy(c), 0);
	dispatch_rest();
	leave_arena();
}

static const fusion_reactor_dispatch_options to_self = {
	sizeof(to_self), FUSION_REACTOR_SELF, 0, nullptr, 0};

static fusion_reaction_result reaction_out(const fusion_reactor_message *m,
					   void *)
{
	if (m)
		out();
	return FUSION_REACTION_KEEP;
}

static unsigned heard;

static fusion_reaction_result hear(const fusion_reactor_message *m, void *)
{
	heard += m->event == FUSION_REACTOR_DATA;
	return FUSION_REACTION_KEEP;
}

static void reaction()
{
	fusion_reactor *a, *b;
	fusion_reaction *x, *y;

	enter("w", FUSION_ENTER_MANUAL);
	fusion_reactor_create(arena, "a", nullptr, &a);
	fusion_reactor_create(arena, "b", nullptr, &b);
	fusion_reactor_set_direct(a, false);
	fusion_reactor_set_direct(b, false);
	fusion_reactor_attach(a, nullptr, reaction_out, nullptr, &x);
	fusion_reactor_attach(b, nullptr, hear, nullptr, &y);
	dispatch_rest();
	for (int i = 0; i < 2; i++) {
		fusion_reactor_dispatch(a, &to_self, "x", 1);
		fusion_reactor_dispatch(b, &to_self, "x", 1);
		leave_by("reaction", dispatch);
		dispatch_rest();
	}
	expect("the other reactor", heard, 2);
	expect("detach", fusion_reactor_detach(x), 0);
	expect("detach", fusion_reactor_detach(y), 0);
	expect("destroy", fusion_reactor_destroy(a), 0);
	leave_arena();
}

static void direct_reaction()
{
	fusion_reactor *a;
	fusion_reaction *x;

	enter("w", FUSION_ENTER_MANUAL);
	fusion_reactor_create(arena, "a", nullptr, &a);
	fusion_reactor_attach(a, nullptr, reaction_out, nullptr, &x);
	for (int i = 0; i < 2; i++)
		leave_by("reaction",
			 [&] { fusion_reactor_dispatch(a, &to_self, "x", 1); });
	expect("detach", fusion_reactor_detach(x), 0);
	dispatch_rest();
	leave_arena();
}

static void global()
{
	static const fusion_global_fn globals[] = {reaction_out};
	fusion_reactor_dispatch_options options =
		FUSION_REACTOR_DISPATCH_OPTIONS_INIT;
	fusion_reactor *a;

	options.globals = globals;
	options.n_globals = 1;
	enter("w");
	fusion_reactor_create(arena, "a", nullptr, &a);
	expect("attach", fusion_reactor_attach_global(a, nullptr, nullptr), 0);
	leave_by("global",
		 [&] { fusion_reactor_dispatch(a, &options, "x", 1); });
	expect("detach", fusion_reactor_detach_global(a, nullptr, nullptr), 0);
	leave_arena();
}

static void fallen_out(fusion_ref *, void *)
{
	out();
}

static void watch()
{
	fusion_slot *slot;
	fusion_ref *r;

	enter("w", FUSION_ENTER_MANUAL);
	fusion_ref_create(arena, "r", nullptr, &r);
	fusion_ref_up(r);
	expect("watch",
	       fusion_ref_watch(r, fallen_out, nullptr, nullptr, &slot), 0);
	for (int i = 0; i < 2; i++) {
		fusion_ref_down(r);
		leave_by("watch", dispatch);
		fusion_ref_up(r);
	}
	expect("cancel", fusion_slot_cancel(slot), 0);
	dispatch_rest();
	leave_arena();
}

static void notice_out(fusion_arena *, fusion_notice, fusion_id_t, void *)
{
	out();
}

static void notice()
{
	fusion_slot *slot;

	enter("w", FUSION_ENTER_MANUAL);
	expect("notice",
	       fusion_arena_on_leave(arena, notice_out, nullptr, nullptr,
				     &slot),
	       0);
	for (int i = 0; i < 2; i++) {
		others_enter("w");
		leave_by("notice", dispatch);
	}
	expect("none", fusion_slot_cancel(slot), 0);
	dispatch_rest();
	leave_arena();
}

static void cleanup_out(fusion_arena *, void *)
{
	out();
}

static void cleanup()
{
	enter("w", FUSION_ENTER_MANUAL);
	for (int i = 0; i < 2; i++) {
		fusion_arena_dispatch_cleanup(arena, cleanup_out, nullptr);
		leave_by("cleanup", dispatch);
	}
	dispatch_rest();
	leave_arena();
}

/* --- Objects -------------------------------------------------------------- */

static bool destroying;

static void destructor_out(fusion_object *, bool, void *)
{
	if (destroying)
		out();
}

static bool enum_out(fusion_object *, void *)
{
	out();
	return true;
}

static void describe_out(fusion_object *, char *, size_t, void *)
{
	out();
}

static void object()
{
	fusion_object_pool *pool;
	fusion_object *o;
	fusion_object_pool_options options = FUSION_OBJECT_POOL_OPTIONS_INIT;
	uint64_t n = 9;

	options.object_size = 100;
	options.destructor = destructor_out;
	enter("w", FUSION_ENTER_MANUAL);
	expect("pool", fusion_object_pool_create(arena, "p", &options, &pool),
	       0);
	destroying = true;
	for (int i = 0; i < 2; i++) {
		expect("object", fusion_object_create(pool, &o), 0);
		expect("activate", fusion_object_activate(o), 0);
		if (i == 0)
			leave_by("enum", [&] {
				fusion_object_pool_enum(pool, enum_out,
							nullptr);
			});
		expect("unref", fusion_object_unref(o), 0);
		leave_by("destructor", dispatch);
		dispatch_rest();
		fusion_object_pool_count(pool, &n);
		expect("objects left", (long)n, 0);
	}
	expect("object", fusion_object_create(pool, &o), 0);
	fusion_object_pool_on_describe(pool, describe_out, nullptr, nullptr,
				       nullptr);
	leave_by("describe", [&] { fusion_object_activate(o); });
	leave_by("pool", [&] { fusion_object_pool_destroy(pool); });
	expect("destroy", fusion_object_pool_destroy(pool), 0);
	leave_arena();
}

static const struct {
	const char *name;
	void (*run)();
} tests[] = {
	{"initialize", initialize},
	{"join", join},
	{"shutdown", shut_down},
	{"leave", leave},
	{"message", message},
	{"own-call", own_call},
	{"call", call},
	{"reaction", reaction},
	{"direct-reaction", direct_reaction},
	{"global", global},
	{"watch", watch},
	{"notice", notice},
	{"cleanup", cleanup},
	{"object", object},
};

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	self = argv[0];
	if (!strcmp(argv[1], "stay"))
		return stay(argv[2]);
	jumps = !strcmp(argv[2], "jump");
	for (const auto &t : tests) {
		if (strcmp(t.name, argv[1]))
			continue;
		t.run();
		puts("ok");
		return 0;
	}
	return 2;
}
