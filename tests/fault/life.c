/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a member, for faults.c
 *
 *   life whole ARENA   enter, make one thing of each kind, use it, fork, have a
 *                      second member in, destroy all, exit
 *   life stay ARENA    make one thing of each kind, say "ready", and stay until
 *                      the end of the input; then exit.  At each byte, kill the
 *                      shell that has purchased the property
 *   life try ARENA     enter with a time-out
 *
 * A call that fails must fail because of a fault, with an errno that its
 * description promises.  It is then made again, and must succeed.
 */
#include "tests/fault/life.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <fusion/fusion.h>

#define ITEMS 40
#define LARGE 5000		 /* bytes that travel in a block */
#define TRY_NS 300000000ll	 /* the time-out of `try` */
#define TRY_LATE_NS 2000000000ll /* this machine may be busy */
#define HUGE_BLOCK 300000	 /* bytes that have spans of their own */

static struct fusion_arena *arena;
static struct fault_control nobody, *control = &nobody;

static struct {
	struct fusion_skirmish *lock, *lock2;
	struct fusion_property *property;
	struct fusion_ref *ref;
	struct fusion_reactor *reactor;
	struct fusion_call *call;
	struct fusion_object_pool *pool;
	struct fusion_object *object;
	struct fusion_hash *hash;
	struct fusion_vector *vector;
	struct fusion_list *list;
	struct fusion_heap_pool *heap;
	void *block, *field;
	struct fusion_slot *left, *falls, *messages;
	struct fusion_reaction *reaction;
} all;

/* What callbacks have seen. */
static uint32_t heard, got, fallen, left;

/* --- Judging -------------------------------------------------------------- */

static const struct {
	const char *name;
	int errors[40];
} promised[] = {
#include "promised.inc"
};

static bool is_promised(const char *name, int error)
{
	for (size_t i = 0; i < sizeof(promised) / sizeof(promised[0]); i++) {
		if (strcmp(promised[i].name, name))
			continue;
		for (const int *e = promised[i].errors; *e; e++)
			if (*e == error)
				return true;
	}
	return false;
}

__attribute__((format(printf, 1, 2), noreturn)) static void
bad(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "life: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	_exit(1);
}

/* The fault that excuses one failure, in whichever process. */
static bool take_excuse(void)
{
	uint32_t fired = __atomic_load_n(&control->fired, __ATOMIC_ACQUIRE),
		 excused = __atomic_load_n(&control->excused, __ATOMIC_RELAXED);

	return excused < fired &&
	       __atomic_compare_exchange_n(&control->excused, &excused, fired,
					   false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

/* The system had nothing left.  All other errors would send a program the wrong
 * way.  EMSGSIZE: there was no memory for the answer of a call. */
static bool is_of_the_system(int error)
{
	static const int errors[] = {ENOMEM, EMFILE, ENFILE,  ENOSPC,
				     EAGAIN, EINTR,  EMSGSIZE};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i] == error)
			return true;
	return false;
}

bool has_failed(const char *name, int r)
{
	if (r >= 0)
		return false;
	if (!take_excuse())
		bad("%s: %s, without a fault: %s", name, strerrorname_np(-r),
		    fusion_strerror(r));
	if (!is_promised(name, -r) || !is_of_the_system(-r))
		bad("%s: %s is not promised (%s has failed): %s", name,
		    strerrorname_np(-r), control->call, fusion_strerror(r));
	__atomic_fetch_add(&control->refused, 1, __ATOMIC_RELAXED);
	return true;
}

static void must(bool holds, const char *what)
{
	if (!holds)
		bad("%s", what);
}

/* Wait until a callback has run. */
static void wait_for(const uint32_t *count, uint32_t n, const char *what)
{
	for (int i = 0; i < 8000; i++) {
		if (__atomic_load_n(count, __ATOMIC_ACQUIRE) >= n)
			return;
		usleep(1000);
	}
	bad("waited in vain for %s", what);
}

static void count(uint32_t *at)
{
	__atomic_fetch_add(at, 1, __ATOMIC_RELEASE);
}

/* --- Callbacks ------------------------------------------------------------ */

static void on_leave(struct fusion_arena *a, enum fusion_notice notice,
		     fusion_id_t id, void *ctx)
{
	(void)a;
	(void)notice;
	(void)id;
	(void)ctx;
	count(&left);
}

static void on_fall(struct fusion_ref *ref, void *ctx)
{
	(void)ref;
	(void)ctx;
	count(&fallen);
}

static void on_message(const struct fusion_message *message, void *ctx)
{
	(void)ctx;
	/* A block that is not taken is freed after this. */
	must(message->size > 0, "an empty message");
	count(&got);
}

static enum fusion_reaction_result
hear(const struct fusion_reactor_message *message, void *ctx)
{
	(void)ctx;
	if (message->event == FUSION_REACTOR_DATA)
		count(&heard);
	return FUSION_REACTION_KEEP;
}

static int answer(const struct fusion_call_request *request, void *ctx)
{
	(void)ctx;
	CALL(fusion_call_reply, request, request->word + 1, request->data,
	     request->size);
	return 0;
}

static void on_destroy(struct fusion_object *object, bool zombie, void *ctx)
{
	(void)object;
	(void)zombie;
	(void)ctx;
}

/* --- One of each ---------------------------------------------------------- */

static void create_locks(void)
{
	CALL(fusion_skirmish_create, arena, "lock", NULL, &all.lock);
	CALL(fusion_skirmish_open, arena, "lock2", NULL, &all.lock2);
	CALL(fusion_property_create, arena, "property", NULL, &all.property);
	CALL(fusion_ref_create, arena, "ref", NULL, &all.ref);
	CALL(fusion_ref_up, all.ref);
	CALL(fusion_ref_watch, all.ref, on_fall, NULL, NULL, &all.falls);
}

static void create_talk(void)
{
	const struct fusion_call_options options = {.size = sizeof(options),
						    .fn = answer};

	CALL(fusion_message_handle, arena, 7, on_message, NULL, NULL,
	     &all.messages);
	CALL(fusion_reactor_create, arena, "reactor", NULL, &all.reactor);
	CALL(fusion_reactor_attach, all.reactor, NULL, hear, NULL,
	     &all.reaction);
	CALL(fusion_call_create, arena, "call", &options, &all.call);
}

static void create_objects(void)
{
	const struct fusion_object_pool_options options = {
		.size = sizeof(options),
		.object_size = 64,
		.destructor = on_destroy,
	};

	CALL(fusion_object_pool_create, arena, "pool", &options, &all.pool);
	CALL(fusion_object_create, all.pool, &all.object);
	CALL(fusion_object_set_string, all.object, "key", "value");
	CALL(fusion_object_set_description, all.object, "an object");
	CALL(fusion_object_activate, all.object);
}

static void create_containers(void)
{
	const struct fusion_hash_options hash = {
		.size = sizeof(hash),
		.keys = FUSION_KEY_STRING,
		.flags = FUSION_CONTAINER_LOCK | FUSION_CONTAINER_BYTES};
	const struct fusion_vector_options vector = {
		.size = sizeof(vector),
		.flags = FUSION_CONTAINER_LOCK | FUSION_CONTAINER_WORDS};
	const struct fusion_list_options list = {
		.size = sizeof(list), .flags = FUSION_CONTAINER_WORDS};

	CALL(fusion_hash_create, arena, "hash", &hash, &all.hash);
	CALL(fusion_vector_create, arena, "vector", &vector, &all.vector);
	CALL(fusion_list_create, arena, "list", &list, &all.list);
}

static void create_memory(void)
{
	const struct fusion_heap_pool_options options = {
		.size = sizeof(options), .limit = 1 << 20};
	const struct fusion_field_options field = {
		.size = sizeof(field), .data_size = 64, .type = "bytes"};

	all.block = MAKE(fusion_malloc, arena, 100);
	CALL(fusion_arena_set_root, arena, all.block);
	CALL(fusion_field_create, arena, "field", &field, &all.field);
	CALL(fusion_heap_pool_create, arena, "heap", &options, &all.heap);
}

static void create_all(void)
{
	CALL(fusion_arena_on_leave, arena, on_leave, NULL, NULL, &all.left);
	create_memory();
	create_locks();
	create_talk();
	create_objects();
	create_containers();
}

static void destroy_all(void)
{
	CALL(fusion_hash_destroy, all.hash);
	CALL(fusion_vector_destroy, all.vector);
	CALL(fusion_list_destroy, all.list);
	CALL(fusion_object_unref, all.object);
	CALL(fusion_arena_sync, arena, FUSION_FOREVER, 0);
	CALL(fusion_object_pool_destroy, all.pool);
	CALL(fusion_call_destroy, all.call);
	CALL(fusion_reactor_detach, all.reaction);
	CALL(fusion_reactor_destroy, all.reactor);
	CALL(fusion_slot_cancel, all.messages);
	CALL(fusion_slot_cancel, all.falls);
	CALL(fusion_slot_cancel, all.left);
	CALL(fusion_ref_destroy, all.ref);
	CALL(fusion_property_destroy, all.property);
	CALL(fusion_skirmish_destroy, all.lock);
	CALL(fusion_skirmish_destroy, all.lock2);
	CALL(fusion_heap_pool_destroy, all.heap);
	CALL(fusion_field_remove, arena, "field");
	CALL(fusion_arena_set_root, arena, NULL);
	CALL(fusion_free, all.field);
	CALL(fusion_free, all.block);
}

/* --- Using each ----------------------------------------------------------- */

static void use_locks(void)
{
	struct fusion_skirmish *const both[] = {all.lock, all.lock2};

	CALL(fusion_skirmish_prevail, all.lock);
	CALL(fusion_skirmish_dismiss, all.lock);
	CALL(fusion_skirmish_prevail_timed, all.lock, 1000000, 0);
	/* Nobody notifies. */
	must(fusion_skirmish_wait(all.lock, 1000000, 0) == -ETIMEDOUT,
	     "a wait without an end");
	CALL(fusion_skirmish_dismiss, all.lock);
	CALL(fusion_skirmish_prevail_multi, both, 2);
	CALL(fusion_skirmish_dismiss_multi, both, 2);
	CALL(fusion_property_lease, all.property);
	CALL(fusion_property_cede, all.property);
	CALL(fusion_property_purchase, all.property);
	CALL(fusion_property_cede, all.property);
}

static void use_ref(void)
{
	uint32_t before = fallen;

	CALL(fusion_ref_up, all.ref);
	CALL(fusion_ref_down, all.ref);
	CALL(fusion_ref_up_global, all.ref);
	CALL(fusion_ref_down, all.ref);
	CALL(fusion_ref_down_global, all.ref);
	wait_for(&fallen, before + 1, "the fall of a reference");
	CALL(fusion_ref_zero_lock, all.ref, FUSION_FOREVER, 0);
	CALL(fusion_ref_unlock, all.ref);
	CALL(fusion_ref_up, all.ref);
}

static void use_messages(void)
{
	static const char bytes[LARGE] = "bytes";
	uint32_t before = got;
	fusion_id_t me = fusion_arena_id(arena);
	void *block = MAKE(fusion_malloc, arena, 200);

	CALL(fusion_message_send, arena, me, 7, bytes, 10, 0, FUSION_FOREVER);
	CALL(fusion_message_send, arena, me, 7, bytes, sizeof(bytes), 0,
	     FUSION_FOREVER);
	CALL(fusion_message_send_block, arena, me, 7, block, 0, FUSION_FOREVER);
	CALL(fusion_arena_sync, arena, FUSION_FOREVER, 0);
	wait_for(&got, before + 3, "messages");
}

static void use_reactor(void)
{
	static const char bytes[LARGE] = "bytes";
	const struct fusion_reactor_dispatch_options self = {
		.size = sizeof(self), .flags = FUSION_REACTOR_SELF};
	uint32_t before = heard;

	CALL(fusion_reactor_dispatch, all.reactor, &self, bytes, 10);
	CALL(fusion_reactor_dispatch, all.reactor, &self, bytes, sizeof(bytes));
	wait_for(&heard, before + 2, "messages of the reactor");
}

static void execute(struct fusion_call *call, uint32_t flags, size_t size)
{
	static const char bytes[LARGE] = "bytes";
	const struct fusion_call_execute_options options = {
		.size = sizeof(options), .flags = flags};
	struct fusion_call_answer got_back;

	do {
		got_back =
			(struct fusion_call_answer){.size = sizeof(got_back)};
		CALL(fusion_call_execute, call, &options, 41, bytes, size,
		     flags & FUSION_CALL_ONEWAY ? NULL : &got_back);
		if (flags & FUSION_CALL_ONEWAY)
			return;
	} while (has_failed("fusion_call_reply", got_back.status));
	must(got_back.word == 42 && got_back.length == size,
	     "the answer of a call is wrong");
	free(got_back.data);
}

static void use_call(struct fusion_call *call)
{
	execute(call, 0, 20);
	execute(call, FUSION_CALL_NODIRECT, 20);
	execute(call, FUSION_CALL_NODIRECT, LARGE);
	execute(call, FUSION_CALL_NODIRECT | FUSION_CALL_ONEWAY, 20);
}

static void use_object(void)
{
	struct fusion_reactor *reactor;
	struct fusion_reaction *reaction;
	uint32_t before = heard;
	const struct fusion_reactor_dispatch_options self = {
		.size = sizeof(self), .flags = FUSION_REACTOR_SELF};

	CALL(fusion_object_ref, all.object);
	CALL(fusion_object_unref, all.object);
	CALL(fusion_object_reactor, all.object, &reactor);
	CALL(fusion_object_attach, all.object, NULL, hear, NULL, &reaction);
	CALL(fusion_object_dispatch, all.object, &self, "x", 1);
	wait_for(&heard, before + 1, "a message of the object");
	CALL(fusion_object_detach, reaction);
}

static void use_containers(void)
{
	char key[16], bytes[600] = {0};

	for (unsigned i = 0; i < ITEMS; i++) {
		snprintf(key, sizeof(key), "key %u", i);
		CALL(fusion_hash_put_bytes, all.hash, fusion_key_string(key),
		     bytes, i * 10);
		CALL(fusion_vector_add, all.vector, fusion_value_word(i));
		CALL(fusion_list_insert_back, all.list, fusion_value_word(i),
		     NULL);
	}
	for (unsigned i = 0; i < ITEMS; i++) {
		snprintf(key, sizeof(key), "key %u", i);
		CALL(fusion_hash_remove, all.hash, fusion_key_string(key),
		     NULL);
		CALL(fusion_vector_remove, all.vector, 0, NULL);
	}
	CALL(fusion_hash_shrink, all.hash);
	CALL(fusion_vector_shrink, all.vector);
}

static void use_memory(void)
{
	void *p, *q, *more;

	p = MAKE(fusion_malloc, arena, 3000);
	more = MAKE(fusion_realloc, arena, p, HUGE_BLOCK);
	q = MAKE(fusion_aligned_alloc, arena, 4096, 4096);
	CALL(fusion_free, q);
	p = MAKE(fusion_realloc, arena, more, 2 * HUGE_BLOCK);
	CALL(fusion_free, p);
	p = MAKE(fusion_malloc_member, arena, 64);
	CALL(fusion_free, p);
	p = MAKE(fusion_heap_pool_malloc, all.heap, 500);
	CALL(fusion_free, p);
}

static void use_members(void)
{
	struct fusion_member members[4];
	size_t n;

	CALL(fusion_members_list, arena, members, sizeof(members[0]), 4, &n);
	must(n >= 1, "no member");
}

static void use_all(void)
{
	use_locks();
	use_ref();
	use_messages();
	use_reactor();
	use_call(all.call);
	use_object();
	use_containers();
	use_memory();
	use_members();
}

/* --- Others --------------------------------------------------------------- */

static void enter(const char *name, uint32_t flags)
{
	const struct fusion_arena_options options = {.size = sizeof(options),
						     .flags = flags};

	CALL(fusion_arena_enter, name, &options, &arena);
}

static void leave(void)
{
	CALL(fusion_arena_exit, arena);
}

static void must_end_well(pid_t pid, const char *what)
{
	int status;

	must(waitpid(pid, &status, 0) == pid, "waitpid");
	if (status)
		bad("%s: status 0x%x", what, (unsigned)status);
}

/* The child of a fork is a member, or can become one. */
static void be_child(const char *name)
{
	static const char bytes[] = "from the child";

	if (!fusion_arena_id(arena)) {
		must(take_excuse(), "the child is not inside");
		enter(name, FUSION_ENTER_FORK);
		CALL(fusion_ref_up, all.ref);
	}
	CALL(fusion_skirmish_prevail, all.lock);
	CALL(fusion_skirmish_dismiss, all.lock);
	CALL(fusion_ref_up, all.ref);
	CALL(fusion_ref_down, all.ref);
	CALL(fusion_message_send, arena, fusion_arena_master(arena), 7, bytes,
	     sizeof(bytes), 0, FUSION_FOREVER);
	execute(all.call, 0, 20);
	CALL(fusion_members_kill, arena, fusion_arena_master(arena), SIGCONT, 0,
	     0);
	leave();
	_exit(0);
}

static void have_child(const char *name)
{
	uint32_t before = got;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid)
		be_child(name);
	must_end_well(pid, "the child");
	CALL(fusion_arena_sync, arena, FUSION_FOREVER, 0);
	wait_for(&got, before + 1, "the child's message");
}

static void dispatch_until(uint32_t *at, uint32_t n)
{
	while (__atomic_load_n(at, __ATOMIC_ACQUIRE) < n)
		CALL(fusion_arena_dispatch, arena, 100000000, 0);
}

/* A second member, which dispatches itself. */
static void be_second(const char *name)
{
	const struct fusion_reactor_dispatch_options self = {
		.size = sizeof(self), .flags = FUSION_REACTOR_SELF};
	struct fusion_reaction *reaction;
	struct fusion_reactor *reactor;
	struct fusion_skirmish *lock;
	struct fusion_slot *slot;
	struct fusion_call *call;
	struct fusion_ref *ref;
	uint32_t before = heard;
	void *field;

	enter(name, FUSION_ENTER_MANUAL);
	CALL(fusion_arena_fd, arena);
	CALL(fusion_skirmish_lookup, arena, "lock", &lock);
	CALL(fusion_ref_lookup, arena, "ref", &ref);
	CALL(fusion_reactor_lookup, arena, "reactor", &reactor);
	CALL(fusion_call_wait, arena, "call", FUSION_FOREVER, 0, &call);
	CALL(fusion_field_lookup, arena, "field", 64, "bytes", &field);
	CALL(fusion_message_handle, arena, 7, on_message, NULL, NULL, &slot);
	CALL(fusion_skirmish_prevail, lock);
	CALL(fusion_skirmish_dismiss, lock);
	CALL(fusion_ref_up, ref);
	CALL(fusion_ref_throw, ref, fusion_arena_master(arena));
	execute(call, 0, LARGE);
	CALL(fusion_reactor_attach, reactor, NULL, hear, NULL, &reaction);
	CALL(fusion_reactor_dispatch, reactor, &self, "x", 1);
	dispatch_until(&heard, before + 1);
	CALL(fusion_message_send, arena, fusion_arena_id(arena), 7, "x", 1, 0,
	     FUSION_FOREVER);
	dispatch_until(&got, 1);
	CALL(fusion_slot_cancel, slot);
	CALL(fusion_reactor_detach, reaction);
	leave();
	_exit(0);
}

/* A process that becomes the second member when the pipe ends. */
static pid_t prepare_second(const char *name, int *ret_go)
{
	int ends[2];
	pid_t pid;
	char byte;

	must(pipe(ends) == 0, "pipe");
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		close(ends[1]);
		must(read(ends[0], &byte, 1) == 1, "nobody is inside");
		close(ends[0]);
		be_second(name);
	}
	close(ends[0]);
	*ret_go = ends[1];
	return pid;
}

static void have_second(pid_t pid, int go)
{
	uint32_t before = left;

	must(write(go, "", 1) == 1, "write");
	close(go);
	must_end_well(pid, "the second member");
	wait_for(&left, before + 1, "the leave of the second member");
	CALL(fusion_ref_catch, all.ref);
	CALL(fusion_ref_down, all.ref);
}

/* --- Lives ---------------------------------------------------------------- */

static void say_what_is_left(void)
{
	struct fusion_heap_stat stat;

	CALL(fusion_heap_stat, arena, &stat, sizeof(stat));
	printf("left %llu blocks %llu bytes\n", (unsigned long long)stat.blocks,
	       (unsigned long long)stat.bytes);
}

static void live_whole(const char *name)
{
	int fds = entries_of("/proc/self/fd"), go;
	pid_t second = prepare_second(name, &go);

	enter(name, FUSION_ENTER_FORK);
	create_all();
	use_all();
	have_child(name);
	have_second(second, go);
	use_all();
	destroy_all();
	say_what_is_left();
	leave();
	must(entries_become("/proc/self/fd", fds), "a descriptor is left");
	must(entries_become("/proc/self/task", 1), "a thread is left");
}

static void live_stay(const char *name)
{
	char byte;

	enter(name, 0);
	create_all();
	printf("ready\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) == 1) {
		/* A shell has purchased the property. */
		CALL(fusion_property_hold_up, all.property, FUSION_FOREVER, 0);
		CALL(fusion_property_purchase, all.property);
		CALL(fusion_property_cede, all.property);
	}
	leave();
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* Whoever is stopped: to enter takes no longer than was asked for. */
static void try_to_enter(const char *name)
{
	const struct fusion_arena_options options = {
		.size = sizeof(options),
		.flags = FUSION_ENTER_EXISTING,
		.timeout_ns = TRY_NS};
	int64_t start = now_ns();
	int r;

	alarm(10);
	r = fusion_arena_enter(name, &options, &arena);

	/* The daemon may have stopped before it has mounted. */
	if (r < 0 && r != -ETIMEDOUT && r != -ENOENT && r != -ENODEV &&
	    r != -ENOTCONN)
		bad("enter while another is stopped: %s", fusion_strerror(r));
	if (now_ns() - start > TRY_NS + TRY_LATE_NS)
		bad("enter took %d ms while another was stopped",
		    (int)((now_ns() - start) / 1000000));
	/* Without leaving, which may have to wait. */
	_exit(0);
}

static void map_control(void)
{
	const char *path = getenv("FAULT_CONTROL");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 0);
	close(fd);
	must(p != MAP_FAILED, "mmap");
	control = p;
}

int main(int argc, char **argv)
{
	map_control();
	if (argc == 3 && !strcmp(argv[1], "whole"))
		live_whole(argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "stay"))
		live_stay(argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "try"))
		try_to_enter(argv[2]);
	else
		bad("usage: life whole|stay|try ARENA");
	return 0;
}
