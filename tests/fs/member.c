/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A member of arenas that does what it is told
 *
 * Reads commands from stdin, one a line, and answers each with one line: "ok",
 * what was asked for, or "error ENAME".  Says "ready" first.  Commands are
 * about the arena that was entered, or named with `use`, last.
 *
 *   enter NAME [any|master|slave] [nowait] [existing] [fork] [timeout=MS]
 *         [manual] [death=notify|kill|promote] [span=BYTES] [limit=BYTES]
 *         [mode=OCTAL]
 *                            "entered 1 id 3": 1 initialised, 0 joined
 *   hook initialize|join|shutdown|leave none|ok|fail ENAME|hold|die
 *                            what the callbacks of enter and exit do; hold says
 *                            "in CALLBACK" and waits for a line: "go", "fail
 *                            ENAME" or "die".  At first: shutdown and leave ok,
 *                            the others none
 *   exit  use NAME  id  master  role  name  list  range
 *   field NAME BYTES [TYPE]  remove NAME
 *   get NAME [BYTES [TYPE]]  await NAME MS [BYTES [TYPE]]
 *   malloc BYTES  malloc-member BYTES  free ADDR  write ADDR WORD  read ADDR
 *   root [ADDR]  wait ID|all MS  kill ID|all SIGNAL MS
 *   skirmish NAME [errorcheck]   make one;"-": without a name
 *   prevail NAME [MS]  swoop NAME  dismiss NAME  depth NAME  consistent NAME
 *   destroy-skirmish NAME
 *   pool NAME  destroy-pool NAME
 *   property NAME [LEASE_MS PURCHASE_MS]   make one, with these windows
 *   lease NAME [MS]  purchase NAME [MS]  cede NAME  hold-up NAME [MS]
 *   destroy-property NAME
 *   ref NAME                 make one
 *   up NAME  down NAME  up-global NAME  down-global NAME  zero-trylock NAME
 *   unlock NAME  catch NAME  destroy-ref NAME
 *   thread-up NAME           up, by a thread that ends then
 *   throw NAME ID  inherit NAME FROM
 *   (and what member_talk.c says: messages, calls, reactors)
 *   notices on|off|exit      from now on lines "notice KIND ID" may come;
 *                            exit: and at each it tries to leave: "exit ENAME"
 *   fork                     the child says "child in ID" or "child out", and
 *                            exits; then the parent says "ok"
 *   thread                   a thread mallocs and ends: its address
 *   exec                     become another such program: "ready" again
 *   map ADDR BYTES           something of its own lies there from now on
 *   closefrom FD             close all descriptors from FD on
 *   log on|off               the library's messages to stderr
 *   why                      what fusion_strerror() says of the last error
 *   pid  crash  quit         quit: exit without leaving
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "member.h"

#define ARENAS 8

static struct entered {
	char name[256];
	struct fusion_arena *arena;
	unsigned count;		     /* enters minus exits */
	struct fusion_slot *notices; /* NULL: off; stale after the last exit */
} entered[ARENAS];
static struct entered *now; /* what commands are about */

static char hooks[4][64] = {"none", "none", "ok", "ok"};
static const char *const hook_names[4] = {"initialize", "join", "shutdown",
					  "leave"};

struct fusion_arena *arena_now(void)
{
	return now ? now->arena : NULL;
}

int said(const char *format, ...)
{
	va_list ap;

	/* One write a line: notices come from another thread. */
	flockfile(stdout);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	funlockfile(stdout);
	return 0;
}

static int last_error;

int answer(int r)
{
	if (r >= 0)
		return said("ok");
	last_error = r;
	return said("error %s", strerrorname_np(-r));
}

int errno_of(const char *name)
{
	for (int e = 1; e < 134; e++)
		if (strerrorname_np(e) && !strcmp(strerrorname_np(e), name))
			return e;
	return EINVAL;
}

static void die(void)
{
	kill(getpid(), SIGKILL);
}

/* --- Callbacks --------------------------------------------------------------
 */

static int obey(const char *order)
{
	if (!strncmp(order, "fail ", 5))
		return -errno_of(order + 5);
	if (!strcmp(order, "die"))
		die();
	return 0;
}

static int run_hook(int which)
{
	char line[64];

	if (strcmp(hooks[which], "hold") != 0)
		return obey(hooks[which]);
	said("in %s", hook_names[which]);
	if (!fgets(line, sizeof(line), stdin))
		return -ECANCELED;
	line[strcspn(line, "\n")] = '\0';
	return obey(line);
}

static bool initialized; /* by the last enter */

static int on_initialize(struct fusion_arena *arena, void *ctx)
{
	(void)arena, (void)ctx;
	initialized = true;
	return run_hook(0);
}

static int on_join(struct fusion_arena *arena, void *ctx)
{
	(void)arena, (void)ctx;
	return run_hook(1);
}

static int on_shutdown(struct fusion_arena *arena, void *ctx)
{
	(void)arena, (void)ctx;
	return run_hook(2);
}

static int on_leave(struct fusion_arena *arena, void *ctx)
{
	(void)arena, (void)ctx;
	return run_hook(3);
}

static void on_notice(struct fusion_arena *arena, enum fusion_notice notice,
		      fusion_id_t id, void *ctx)
{
	static const char *const names[] = {"none", "left", "died",
					    "master-lost", "promoted"};

	said("notice %s %u", names[notice], id);
	if (ctx)
		said("exit %s", strerrorname_np(-fusion_arena_exit(arena)));
}

static void on_log(int level, const char *message, void *ctx)
{
	(void)ctx;
	fprintf(stderr, "<%d> %s\n", level, message);
}

/* --- Commands ----------------------------------------------------------------
 */

const char *word(const struct words *c, int i)
{
	return i < c->n ? c->w[i] : "";
}

uint64_t number(const struct words *c, int i)
{
	return strtoull(word(c, i), NULL, 0);
}

static void *address(const struct words *c, int i)
{
	return (void *)(uintptr_t)number(c, i);
}

int64_t ms(const struct words *c, int i)
{
	int64_t n = strtoll(word(c, i), NULL, 0);

	return n < 0 ? FUSION_FOREVER : n * 1000000;
}

/* Its place in @names, of which there are three; 3 none. */
static uint32_t place_of(const char *w, const char *const *names)
{
	uint32_t i = 0;

	while (i < 3 && strcmp(w, names[i]) != 0)
		i++;
	return i;
}

static int parse_option(const char *w, struct fusion_arena_options *o)
{
	static const char *const roles[] = {"any", "master", "slave"};
	static const char *const deaths[] = {"death=notify", "death=kill",
					     "death=promote"};

	if (place_of(w, roles) < 3) {
		o->role = place_of(w, roles);
		return 0;
	}
	if (place_of(w, deaths) < 3) {
		o->on_master_death = place_of(w, deaths);
		return 0;
	}
	if (!strcmp(w, "nowait"))
		o->flags |= FUSION_ENTER_NOWAIT;
	else if (!strcmp(w, "existing"))
		o->flags |= FUSION_ENTER_EXISTING;
	else if (!strcmp(w, "fork"))
		o->flags |= FUSION_ENTER_FORK;
	else if (!strcmp(w, "manual"))
		o->flags |= FUSION_ENTER_MANUAL;
	else if (!strncmp(w, "timeout=", 8))
		o->timeout_ns = strtoll(w + 8, NULL, 0) * 1000000;
	else if (!strncmp(w, "span=", 5))
		o->span = strtoull(w + 5, NULL, 0);
	else if (!strncmp(w, "limit=", 6))
		o->limit = strtoull(w + 6, NULL, 0);
	else if (!strncmp(w, "mode=", 5))
		o->mode = (uint32_t)strtoul(w + 5, NULL, 8);
	else
		return -EINVAL;
	return 0;
}

static struct entered *find(const char *name)
{
	for (int i = 0; i < ARENAS; i++)
		if (entered[i].arena && !strcmp(entered[i].name, name))
			return &entered[i];
	return NULL;
}

/* Of an arena, or (for one that was not entered yet) a free one. */
static struct entered *entry_of(const struct fusion_arena *arena)
{
	for (int i = 0; i < ARENAS; i++)
		if (entered[i].arena == arena)
			return &entered[i];
	return arena ? entry_of(NULL) : NULL;
}

static int do_enter(const struct words *c)
{
	struct fusion_arena_options o = {
		.size = sizeof(o),
		.initialize = on_initialize,
		.join = strcmp(hooks[1], "none") ? on_join : NULL,
		.shutdown = on_shutdown,
		.leave = on_leave,
	};
	struct fusion_arena *arena;
	struct entered *e;
	int r;

	for (int i = 2; i < c->n; i++)
		if (parse_option(c->w[i], &o) < 0)
			return answer(-EINVAL);
	initialized = false;
	r = fusion_arena_enter(word(c, 1), &o, &arena);
	if (r < 0)
		return answer(r);
	e = entry_of(arena);
	if (!e)
		return answer(-EMFILE);
	snprintf(e->name, sizeof(e->name), "%s", word(c, 1));
	e->arena = arena;
	e->count++;
	now = e;
	return said("entered %d id %u", initialized, fusion_arena_id(arena));
}

static int do_exit(const struct words *c)
{
	int r = fusion_arena_exit(now->arena);

	(void)c;
	if (!r && --now->count == 0)
		now->arena = NULL;
	return answer(r);
}

static int do_use(const struct words *c)
{
	struct entered *e = find(word(c, 1));

	if (!e)
		return answer(-ENOENT);
	now = e;
	return answer(0);
}

static int do_hook(const struct words *c)
{
	for (int i = 0; i < 4; i++)
		if (!strcmp(word(c, 1), hook_names[i])) {
			snprintf(hooks[i], sizeof(hooks[i]), "%s%s%s",
				 word(c, 2), c->n > 3 ? " " : "", word(c, 3));
			return answer(0);
		}
	return answer(-EINVAL);
}

static int do_id(const struct words *c)
{
	(void)c;
	return said("%u", fusion_arena_id(now->arena));
}

static int do_master(const struct words *c)
{
	(void)c;
	return said("%u", fusion_arena_master(now->arena));
}

static int do_role(const struct words *c)
{
	static const char *const roles[] = {"any", "master", "slave"};

	(void)c;
	return said("%s", roles[fusion_arena_role(now->arena)]);
}

static int do_name(const struct words *c)
{
	(void)c;
	return said("%s", fusion_arena_name(now->arena));
}

static int do_list(const struct words *c)
{
	struct fusion_member m[64];
	size_t n = 0, at = 0;
	int r = fusion_members_list(now->arena, m, sizeof(*m), 64, &n);
	char text[2048] = "";

	(void)c;
	if (r < 0)
		return answer(r);
	for (size_t i = 0; i < n && i < 64; i++)
		at += (size_t)snprintf(
			text + at, sizeof(text) - at, " %u:%d:%s", m[i].id,
			(int)m[i].pid,
			m[i].role == FUSION_ROLE_MASTER ? "master" : "slave");
	return said("%zu%s", n, text);
}

static int do_range(const struct words *c)
{
	void *base;
	uint64_t span;

	(void)c;
	fusion_arena_range(now->arena, &base, &span);
	return said("%p %" PRIu64, base, span);
}

static int do_field(const struct words *c)
{
	size_t size = number(c, 2);
	void *p = fusion_calloc(now->arena, 1, size ? size : 1);
	int r;

	if (!p)
		return answer(-errno);
	r = fusion_field_create(
		now->arena, word(c, 1),
		&(struct fusion_field_options){
			.size = sizeof(struct fusion_field_options),
			.data_size = size,
			.type = c->n > 3 ? word(c, 3) : NULL,
			.data = p},
		NULL);
	if (r < 0) {
		fusion_free(p);
		return answer(r);
	}
	return said("%p", p);
}

static int say_field(int r, void *p)
{
	return r < 0 ? answer(r) : said("%p", p);
}

/* The type that a word asks for; NULL any. */
static const char *type_of(const struct words *c, int i)
{
	return i < c->n ? word(c, i) : NULL;
}

static int do_get(const struct words *c)
{
	void *p = NULL;
	int r = fusion_field_lookup(now->arena, word(c, 1), number(c, 2),
				    type_of(c, 3), &p);

	return say_field(r, p);
}

static int do_await(const struct words *c)
{
	void *p = NULL;
	int r = fusion_field_wait(now->arena, word(c, 1), number(c, 3),
				  type_of(c, 4), ms(c, 2), 0, &p);

	return say_field(r, p);
}

static int do_remove(const struct words *c)
{
	return answer(fusion_field_remove(now->arena, word(c, 1)));
}

static int say_address(void *p)
{
	return p ? said("%p", p) : answer(-errno);
}

static int do_malloc(const struct words *c)
{
	return say_address(fusion_malloc(now->arena, number(c, 1)));
}

static int do_malloc_member(const struct words *c)
{
	return say_address(fusion_malloc_member(now->arena, number(c, 1)));
}

static int do_free(const struct words *c)
{
	return answer(fusion_free(address(c, 1)));
}

static int do_write(const struct words *c)
{
	if (!fusion_arena_is_shared(now->arena, address(c, 1)))
		return answer(-EINVAL);
	strcpy(address(c, 1), word(c, 2));
	return answer(0);
}

static int do_read(const struct words *c)
{
	if (!fusion_arena_is_shared(now->arena, address(c, 1)))
		return answer(-EINVAL);
	return said("%s", (char *)address(c, 1));
}

static int do_root(const struct words *c)
{
	if (c->n > 1)
		return answer(fusion_arena_set_root(now->arena, address(c, 1)));
	return said("%p", fusion_arena_root(now->arena));
}

static fusion_id_t id_of(const struct words *c, int i)
{
	return strcmp(word(c, i), "all") ? (fusion_id_t)number(c, i)
					 : FUSION_ALL;
}

static int do_wait(const struct words *c)
{
	return answer(fusion_members_wait(now->arena, id_of(c, 1), ms(c, 2),
					  FUSION_WAIT_INTERRUPTIBLE));
}

static int do_kill(const struct words *c)
{
	return answer(fusion_members_kill(now->arena, id_of(c, 1),
					  (int)number(c, 2), ms(c, 3),
					  FUSION_WAIT_INTERRUPTIBLE));
}

/* --- Locks -------------------------------------------------------------------
 */

static int do_skirmish(const struct words *c)
{
	bool named = strcmp(word(c, 1), "-") != 0;
	bool check = !strcmp(word(c, 2), "errorcheck");
	struct fusion_skirmish *s;

	return answer(fusion_skirmish_create(
		now->arena, named ? word(c, 1) : NULL,
		&(struct fusion_skirmish_options){
			.size = sizeof(struct fusion_skirmish_options),
			.flags = check ? FUSION_SKIRMISH_ERRORCHECK : 0},
		&s));
}

/* What @fn says of the skirmish that the command names. */
static int of_skirmish(const struct words *c,
		       int (*fn)(struct fusion_skirmish *s))
{
	struct fusion_skirmish *s;
	int r = fusion_skirmish_lookup(now->arena, word(c, 1), &s);

	return r < 0 ? r : fn(s);
}

static int do_pool(const struct words *c)
{
	struct fusion_heap_pool *pool;
	int r = fusion_heap_pool_create(
		now->arena, word(c, 1),
		&(struct fusion_heap_pool_options){
			.size = sizeof(struct fusion_heap_pool_options),
			.limit = 1 << 20},
		&pool);

	if (r == 0)
		fusion_heap_pool_release(pool);
	return answer(r);
}

static int do_destroy_pool(const struct words *c)
{
	struct fusion_heap_pool *pool;
	int r = fusion_heap_pool_lookup(now->arena, word(c, 1), &pool);

	return answer(r < 0 ? r : fusion_heap_pool_destroy(pool));
}

static int do_prevail(const struct words *c)
{
	struct fusion_skirmish *s;
	int r = fusion_skirmish_lookup(now->arena, word(c, 1), &s);

	if (r == 0)
		r = fusion_skirmish_prevail_timed(
			s, c->n > 2 ? ms(c, 2) : FUSION_FOREVER, 0);
	return answer(r);
}

static int do_swoop(const struct words *c)
{
	return answer(of_skirmish(c, fusion_skirmish_swoop));
}

static int do_dismiss(const struct words *c)
{
	return answer(of_skirmish(c, fusion_skirmish_dismiss));
}

static int do_consistent(const struct words *c)
{
	return answer(of_skirmish(c, fusion_skirmish_consistent));
}

static int do_destroy_skirmish(const struct words *c)
{
	return answer(of_skirmish(c, fusion_skirmish_destroy));
}

static int do_depth(const struct words *c)
{
	struct fusion_skirmish *s;
	uint64_t levels;
	int r = fusion_skirmish_lookup(now->arena, word(c, 1), &s);

	if (r == 0)
		r = fusion_skirmish_lock_count(s, &levels);
	return r < 0 ? answer(r) : said("%" PRIu64, levels);
}

static int find_ref(const char *name, struct fusion_ref **ret)
{
	return fusion_ref_lookup(now->arena, name, ret);
}

static int do_ref(const struct words *c)
{
	struct fusion_ref *ref;

	return answer(fusion_ref_create(now->arena, word(c, 1), NULL, &ref));
}

static int of_ref(const struct words *c, int (*fn)(struct fusion_ref *ref))
{
	struct fusion_ref *ref;
	int r = find_ref(word(c, 1), &ref);

	return answer(r < 0 ? r : fn(ref));
}

static int do_up(const struct words *c)
{
	return of_ref(c, fusion_ref_up);
}

static int do_down(const struct words *c)
{
	return of_ref(c, fusion_ref_down);
}

static int do_up_global(const struct words *c)
{
	return of_ref(c, fusion_ref_up_global);
}

static int do_down_global(const struct words *c)
{
	return of_ref(c, fusion_ref_down_global);
}

static int do_zero_trylock(const struct words *c)
{
	return of_ref(c, fusion_ref_zero_trylock);
}

static int do_unlock(const struct words *c)
{
	return of_ref(c, fusion_ref_unlock);
}

static int do_catch(const struct words *c)
{
	return of_ref(c, fusion_ref_catch);
}

static int do_destroy_ref(const struct words *c)
{
	return of_ref(c, fusion_ref_destroy);
}

struct up {
	struct fusion_ref *ref;
	int result;
};

static void *up_thread(void *arg)
{
	struct up *up = arg;

	up->result = fusion_ref_up(up->ref);
	return NULL;
}

static int do_thread_up(const struct words *c)
{
	pthread_t t;
	struct up up;
	int r = find_ref(word(c, 1), &up.ref);

	if (r == 0)
		r = -pthread_create(&t, NULL, up_thread, &up);
	if (r < 0)
		return answer(r);
	pthread_join(t, NULL);
	return answer(up.result);
}

static int do_throw(const struct words *c)
{
	struct fusion_ref *ref;
	int r = find_ref(word(c, 1), &ref);

	if (r == 0)
		r = fusion_ref_throw(ref, (fusion_id_t)number(c, 2));
	return answer(r);
}

static int do_inherit(const struct words *c)
{
	struct fusion_ref *ref, *from;
	int r = find_ref(word(c, 1), &ref);

	if (r == 0)
		r = find_ref(word(c, 2), &from);
	return answer(r < 0 ? r : fusion_ref_inherit(ref, from));
}

static int do_property(const struct words *c)
{
	const struct fusion_property_options o = {
		.size = sizeof(o),
		.lease_window_ns = c->n > 2 ? ms(c, 2) : 0,
		.purchase_window_ns = c->n > 3 ? ms(c, 3) : 0,
	};
	struct fusion_property *p;

	return answer(fusion_property_create(now->arena, word(c, 1), &o, &p));
}

static int find_property(const struct words *c, struct fusion_property **ret)
{
	return fusion_property_lookup(now->arena, word(c, 1), ret);
}

static int do_lease(const struct words *c)
{
	struct fusion_property *p;
	int r = find_property(c, &p);

	if (r == 0)
		r = fusion_property_lease_timed(
			p, c->n > 2 ? ms(c, 2) : FUSION_FOREVER, 0);
	return answer(r);
}

static int do_purchase(const struct words *c)
{
	struct fusion_property *p;
	int r = find_property(c, &p);

	if (r == 0)
		r = fusion_property_purchase_timed(
			p, c->n > 2 ? ms(c, 2) : FUSION_FOREVER, 0);
	return answer(r);
}

static int do_cede(const struct words *c)
{
	struct fusion_property *p;
	int r = find_property(c, &p);

	return answer(r < 0 ? r : fusion_property_cede(p));
}

static int do_hold_up(const struct words *c)
{
	struct fusion_property *p;
	int r = find_property(c, &p);

	if (r == 0)
		r = fusion_property_hold_up(
			p, c->n > 2 ? ms(c, 2) : FUSION_FOREVER, 0);
	return answer(r);
}

static int do_destroy_property(const struct words *c)
{
	struct fusion_property *p;
	int r = find_property(c, &p);

	return answer(r < 0 ? r : fusion_property_destroy(p));
}

/* --- The process -------------------------------------------------------------
 */

static int do_notices(const struct words *c)
{
	bool exit = !strcmp(word(c, 1), "exit");

	fusion_slot_cancel(now->notices);
	now->notices = NULL;
	if (!strcmp(word(c, 1), "off"))
		return answer(0);
	return answer(fusion_arena_on_leave(
		now->arena, on_notice, exit ? now : NULL, NULL, &now->notices));
}

static int do_fork(const struct words *c)
{
	pid_t pid = fork();

	(void)c;
	if (pid < 0)
		return answer(-errno);
	if (!pid) {
		fusion_id_t id = fusion_arena_id(now->arena);
		void *p = id ? fusion_malloc(now->arena, 100) : NULL;

		if (!id)
			said("child out");
		else
			said("child in %u", id);
		if (id &&
		    (!p || fusion_free(p) < 0 || fusion_arena_exit(now->arena)))
			_exit(1);
		_exit(0);
	}
	if (waitpid(pid, &(int){0}, 0) < 0)
		return answer(-errno);
	return answer(0);
}

static void *thread(void *ret)
{
	*(void **)ret = fusion_malloc(now->arena, 64);
	return NULL;
}

static int do_thread(const struct words *c)
{
	pthread_t t;
	void *p = NULL;
	int r = -pthread_create(&t, NULL, thread, &p);

	(void)c;
	if (r < 0)
		return answer(r);
	pthread_join(t, NULL);
	return said("%p", p);
}

static int do_exec(const struct words *c)
{
	(void)c;
	execl("/proc/self/exe", "member", (char *)NULL);
	return answer(-errno);
}

static int do_closefrom(const struct words *c)
{
	closefrom((int)number(c, 1));
	return answer(0);
}

static int do_map(const struct words *c)
{
	void *p = mmap(address(c, 1), number(c, 2), PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
			       MAP_FIXED_NOREPLACE,
		       -1, 0);

	return answer(p == MAP_FAILED ? -errno : 0);
}

static int do_log(const struct words *c)
{
	fusion_set_log(!strcmp(word(c, 1), "on") ? on_log : NULL, NULL);
	return answer(0);
}

static int do_why(const struct words *c)
{
	(void)c;
	return said("%s", fusion_strerror(last_error));
}

static int do_pid(const struct words *c)
{
	(void)c;
	return said("%d", (int)getpid());
}

static int do_crash(const struct words *c)
{
	(void)c;
	die();
	return 0;
}

static int do_quit(const struct words *c)
{
	(void)c;
	exit(0);
}

/* clang-format off */
static const struct command commands[] = {
	{"await", do_await, true},	{"cede", do_cede, true},
	{"closefrom", do_closefrom, false},
	{"catch", do_catch, true},	{"destroy-ref", do_destroy_ref, true},
	{"down", do_down, true},	{"down-global", do_down_global, true},
	{"inherit", do_inherit, true},	{"ref", do_ref, true},
	{"thread-up", do_thread_up, true},
	{"throw", do_throw, true},	{"unlock", do_unlock, true},
	{"up", do_up, true},		{"up-global", do_up_global, true},
	{"zero-trylock", do_zero_trylock, true},
	{"destroy-property", do_destroy_property, true},
	{"hold-up", do_hold_up, true},	{"lease", do_lease, true},
	{"property", do_property, true},
	{"purchase", do_purchase, true},
	{"consistent", do_consistent, true},
	{"crash", do_crash, false},	{"depth", do_depth, true},
	{"destroy-skirmish", do_destroy_skirmish, true},
	{"dismiss", do_dismiss, true},	{"enter", do_enter, false},
	{"exec", do_exec, false},	{"exit", do_exit, true},
	{"field", do_field, true},	{"fork", do_fork, true},
	{"free", do_free, true},	{"get", do_get, true},
	{"hook", do_hook, false},	{"id", do_id, true},
	{"kill", do_kill, true},	{"list", do_list, true},
	{"log", do_log, false},		{"malloc", do_malloc, true},
	{"malloc-member", do_malloc_member, true},
	{"map", do_map, false},
	{"master", do_master, true},	{"name", do_name, true},
	{"notices", do_notices, true},	{"pid", do_pid, false},
	{"pool", do_pool, true},	{"destroy-pool", do_destroy_pool, true},
	{"prevail", do_prevail, true},
	{"quit", do_quit, false},	{"range", do_range, true},
	{"read", do_read, true},	{"remove", do_remove, true},
	{"role", do_role, true},
	{"root", do_root, true},	{"skirmish", do_skirmish, true},
	{"swoop", do_swoop, true},	{"thread", do_thread, true},
	{"use", do_use, false},		{"wait", do_wait, true},
	{"why", do_why, false},		{"write", do_write, true},
	{0},
};
/* clang-format on */

static bool run_one(const struct command *list, const struct words *c)
{
	for (; list->name; list++) {
		if (strcmp(word(c, 0), list->name) != 0)
			continue;
		if (list->needs_arena && !arena_now())
			answer(-ENODEV);
		else
			list->fn(c);
		return true;
	}
	return false;
}

static void run(char *line)
{
	struct words c = {0};
	char *save = NULL;

	for (char *w = strtok_r(line, " \n", &save); w && c.n < WORDS;
	     w = strtok_r(NULL, " \n", &save))
		c.w[c.n++] = w;
	if (!run_one(commands, &c) && !run_one(talk_commands, &c) &&
	    !run_one(object_commands, &c))
		said("error unknown command '%s'", word(&c, 0));
}

int main(void)
{
	char line[512];

	said("ready");
	while (fgets(line, sizeof(line), stdin))
		run(line);
	return 0;
}
