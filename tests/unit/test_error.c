/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors that explain themselves: what, on what, why; and never another's. */
#include "tests/unit/heap_member.h"

#include <pthread.h>

#include <fusion/fusion.h>

#include "libfusion/base/refuse.h"

static struct fusion_arena *arena;
static char long_name[100], outside[16];
static unsigned n_lines;
static char last_line[1200];

/* --- Calls that are refused ------------------------------------------------
 */

static int field_without_name(void)
{
	return fusion_field_create(
		arena, NULL,
		&(struct fusion_field_options){
			.size = sizeof(struct fusion_field_options),
			.data_size = 0,
			.type = NULL,
			.data = outside},
		NULL);
}

static int field(const char *name, const char *type)
{
	void *p = fusion_malloc(arena, 16);
	int r = fusion_field_create(
		arena, name,
		&(struct fusion_field_options){
			.size = sizeof(struct fusion_field_options),
			.data_size = 16,
			.type = type,
			.data = p},
		NULL);

	if (r < 0)
		fusion_free(p);
	return r;
}

static int field_with_slash(void)
{
	return field("a/b", NULL);
}

static int field_with_dot(void)
{
	return field(".b", NULL);
}

static int field_with_number(void)
{
	return field("#1", NULL);
}

static int field_with_control(void)
{
	return field("a\nb", NULL);
}

static int field_with_empty_name(void)
{
	return field("", NULL);
}

static int field_with_long_name(void)
{
	return field(long_name, NULL);
}

static int field_with_long_type(void)
{
	return field("typed", long_name);
}

static int field_with_control_in_type(void)
{
	return field("typed", "a\tb");
}

static int field_taken(void)
{
	field("taken", NULL);
	return field("taken", NULL);
}

static int field_outside(void)
{
	return fusion_field_create(
		arena, "far",
		&(struct fusion_field_options){
			.size = sizeof(struct fusion_field_options),
			.data_size = 0,
			.type = NULL,
			.data = outside},
		NULL);
}

static int field_unknown(void)
{
	void *p;

	return fusion_field_lookup(arena, "nowhere", 0, NULL, &p);
}

static int field_nowhere_to(void)
{
	return fusion_field_lookup(arena, "taken", 0, NULL, NULL);
}

static int field_removed(void)
{
	return fusion_field_remove(arena, "nowhere");
}

static int field_late(void)
{
	void *p;

	return fusion_field_wait(arena, "late", 0, NULL, 1000, 0, &p);
}

static int field_of_another_size(void)
{
	void *p;

	return fusion_field_lookup(arena, "taken", 4711, NULL, &p);
}

static int field_of_another_type(void)
{
	void *p;

	return fusion_field_lookup(arena, "taken", 0, "page", &p);
}

static int dispatch_as_the_library(void)
{
	return fusion_arena_dispatch(arena, 0, 0);
}

static int member_nobody(void)
{
	return fusion_members_wait(arena, FUSION_NONE, 0, 0);
}

static int member_timeout(void)
{
	return fusion_members_wait(arena, 99, -7, FUSION_WAIT_INTERRUPTIBLE);
}

static int root_outside(void)
{
	return fusion_arena_set_root(arena, outside);
}

static int skirmish_flags(void)
{
	struct fusion_skirmish *s;

	return fusion_skirmish_create(
		arena, "s",
		&(struct fusion_skirmish_options){
			.size = sizeof(struct fusion_skirmish_options),
			.flags = 0x80},
		&s);
}

static int skirmish_to_nowhere(void)
{
	return fusion_skirmish_create(arena, "s", NULL, NULL);
}

static int skirmish_name(void)
{
	struct fusion_skirmish *s;

	return fusion_skirmish_create(arena, "a/b", NULL, &s);
}

static int skirmish_unknown(void)
{
	struct fusion_skirmish *s;

	return fusion_skirmish_lookup(arena, "nobody", &s);
}

static int skirmish_handle(void)
{
	return fusion_skirmish_prevail((struct fusion_skirmish *)outside);
}

static int skirmish_busy(void)
{
	struct fusion_skirmish *s;
	int r = fusion_skirmish_create(arena, NULL, NULL, &s);

	/* Not ours: there is nothing to give back. */
	return r < 0 ? r : fusion_skirmish_dismiss(s);
}

static int ref_name(void)
{
	struct fusion_ref *ref;

	return fusion_ref_create(arena, "#3", NULL, &ref);
}

static int property_name(void)
{
	struct fusion_property *p;

	return fusion_property_create(arena, long_name, NULL, &p);
}

static int property_window(void)
{
	const struct fusion_property_options o = {.size = sizeof(o),
						  .lease_window_ns = -5};
	struct fusion_property *p;

	return fusion_property_create(arena, "p", &o, &p);
}

static int property_size(void)
{
	const struct fusion_property_options o = {.size = 8};
	struct fusion_property *p;

	return fusion_property_create(arena, "p", &o, &p);
}

static int reactor_name(void)
{
	struct fusion_reactor *reactor;

	return fusion_reactor_create(arena, "a\x7f", NULL, &reactor);
}

static int reactor_cells(void)
{
	const struct fusion_reactor_options o = {.size = sizeof(o), .cells = 3};
	struct fusion_reactor *reactor;

	return fusion_reactor_create(arena, "r", &o, &reactor);
}

static int call_without_function(void)
{
	struct fusion_call *call;

	return fusion_call_create(
		arena, "c",
		&(struct fusion_call_options){
			.size = sizeof(struct fusion_call_options), .fn = NULL},
		&call);
}

static int call_unknown(void)
{
	struct fusion_call *call;

	return fusion_call_lookup(arena, "calc", &call);
}

static int pool_name(void)
{
	struct fusion_heap_pool *pool;

	return fusion_heap_pool_create(arena, "a/b", NULL, &pool);
}

static int pool_unknown(void)
{
	struct fusion_heap_pool *pool;

	return fusion_heap_pool_lookup(arena, "nobody", &pool);
}

static int object_pool_unknown(void)
{
	struct fusion_object_pool *pool;

	return fusion_object_pool_lookup(arena, "notes", &pool);
}

static int hash_keys(void)
{
	struct fusion_hash *h;

	return fusion_hash_create(arena, NULL,
				  &(struct fusion_hash_options){
					  sizeof(struct fusion_hash_options),
					  (enum fusion_key_type)77, 0},
				  &h);
}

static int hash_flags(void)
{
	struct fusion_hash *h;

	return fusion_hash_create(arena, NULL,
				  &(struct fusion_hash_options){
					  sizeof(struct fusion_hash_options),
					  FUSION_KEY_STRING, 0x100},
				  &h);
}

static int hash_autofree_words(void)
{
	struct fusion_hash *h;

	return fusion_hash_create(
		arena, NULL,
		&(struct fusion_hash_options){
			sizeof(struct fusion_hash_options), FUSION_KEY_STRING,
			FUSION_CONTAINER_WORDS | FUSION_CONTAINER_AUTOFREE},
		&h);
}

static int hash_handle(void)
{
	return fusion_hash_reserve((struct fusion_hash *)outside, 4);
}

static int vector_flags(void)
{
	struct fusion_vector *v;

	return fusion_vector_create(
		arena, NULL,
		&(struct fusion_vector_options){
			.size = sizeof(struct fusion_vector_options),
			.flags = 0x100},
		&v);
}

static int vector_without_lock(void)
{
	struct fusion_vector *v;
	int r = fusion_vector_create(arena, NULL, NULL, &v);

	return r < 0 ? r : fusion_vector_lock(v);
}

static int vector_index(void)
{
	struct fusion_vector *v;
	int r = fusion_vector_create(arena, NULL, NULL, &v);

	return r < 0 ? r : fusion_vector_remove(v, 5, NULL);
}

static int list_flags(void)
{
	struct fusion_list *l;

	return fusion_list_create(
		arena, NULL,
		&(struct fusion_list_options){
			.size = sizeof(struct fusion_list_options),
			.flags = FUSION_CONTAINER_AUTOFREE},
		&l);
}

static int member_signal_number(void)
{
	return fusion_members_kill(arena, 99, 4711, 0, 0);
}

static int member_unknown(void)
{
	return fusion_members_kill(arena, 99, SIGTERM, 0, 0);
}

static int member_self(void)
{
	return fusion_members_wait(arena, fusion_arena_id(arena), 0, 0);
}

static int no_arena(void)
{
	void *p;

	return fusion_field_lookup(NULL, "a", 0, NULL, &p);
}

static int exit_of_nothing(void)
{
	return fusion_arena_exit(NULL);
}

static int enter_to_nowhere(void)
{
	return fusion_arena_enter("a", NULL, NULL);
}

static int enter_with(struct fusion_arena_options o)
{
	struct fusion_arena *a;

	o.size = o.size ? o.size : sizeof(o);
	return fusion_arena_enter("/nowhere/arena", &o, &a);
}

static int enter_size(void)
{
	return enter_with((struct fusion_arena_options){.size = 1});
}

static int enter_role(void)
{
	return enter_with((struct fusion_arena_options){.role = 9});
}

static int enter_flags(void)
{
	return enter_with((struct fusion_arena_options){.flags = 0x8000});
}

static int enter_death(void)
{
	return enter_with((struct fusion_arena_options){.on_master_death = 9});
}

static int enter_mode(void)
{
	return enter_with((struct fusion_arena_options){.mode = 0100644});
}

static int enter_timeout(void)
{
	return enter_with((struct fusion_arena_options){.timeout_ns = -7});
}

static int enter_span(void)
{
	return enter_with((struct fusion_arena_options){.span = 50000000});
}

static int enter_nowhere(void)
{
	return enter_with((struct fusion_arena_options){.size = 0});
}

static int enter_name(const char *name)
{
	struct fusion_arena *a;

	return fusion_arena_enter(name, NULL, &a);
}

static int enter_dot(void)
{
	return enter_name(".hidden");
}

static int enter_empty(void)
{
	return enter_name("");
}

static int enter_null(void)
{
	return enter_name(NULL);
}

static int enter_long(void)
{
	return enter_name(long_name);
}

static int enter_control(void)
{
	return enter_name("a\033[2J");
}

static int enter_plain_directory(void)
{
	return enter_name("/tmp");
}

static int enter_plain_file(void)
{
	return enter_name("/proc/self/exe");
}

static int enter_no_directory(void)
{
	return enter_name("/proc/self/exe/arena");
}

static int enter_long_path(void)
{
	char path[5000];

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	return enter_name(path);
}

/* clang-format off */
static const struct refused_call {
	const char *name;
	int (*call)(void);
	int error;
	const char *says[3]; /* parts of the sentence */
} calls[] = {
	{"field, no name", field_without_name, -EINVAL, {"field"}},
	{"field, empty name", field_with_empty_name, -EINVAL, {"field", "no name", "63"}},
	{"field, slash", field_with_slash, -EINVAL, {"field 'a/b'", "no '/'"}},
	{"field, dot", field_with_dot, -EINVAL, {"field '.b'", "begin with '.'"}},
	{"field, number", field_with_number, -EINVAL, {"field '#1'", "without a name"}},
	{"field, control", field_with_control, -EINVAL, {"field 'a?b'", "control"}},
	{"field, long", field_with_long_name, -ENAMETOOLONG, {"field 'x", "99 bytes", "63"}},
	{"field, type", field_with_long_type, -ENAMETOOLONG, {"'typed'", "type has 99", "39"}},
	{"field, type's bytes", field_with_control_in_type, -EINVAL, {"'typed'", "type 'a?b'", "control"}},
	{"field, taken", field_taken, -EEXIST, {"field 'taken'", "has one"}},
	{"field, outside", field_outside, -EINVAL, {"field 'far'", "not in arena", "fusion_malloc"}},
	{"field, unknown", field_unknown, -ENOENT, {"field 'nowhere'", "none"}},
	{"field, to nowhere", field_nowhere_to, -EINVAL, {"ret is NULL"}},
	{"field, removed", field_removed, -ENOENT, {"field 'nowhere'", "none"}},
	{"field, late", field_late, -ETIMEDOUT, {"field 'late'", "nobody has created", "time is over"}},
	{"field, size", field_of_another_size, -EPROTOTYPE, {"field 'taken'", "4711 are expected"}},
	{"field, another type", field_of_another_type, -EPROTOTYPE, {"field 'taken'", "type is ''", "'page' is expected"}},
	{"dispatch", dispatch_as_the_library, -ENOTSUP, {"fusion_arena_dispatch()", "thread of the library", "FUSION_ENTER_MANUAL"}},
	{"member, nobody", member_nobody, -ESRCH, {"FUSION_NONE", "FUSION_ALL"}},
	{"member, time-out", member_timeout, -EINVAL, {"time-out is -7", "FUSION_FOREVER"}},
	{"root", root_outside, -EINVAL, {"root", "not into its memory"}},
	{"skirmish, flags", skirmish_flags, -EINVAL, {"skirmish", "flags 0x80"}},
	{"skirmish, to nowhere", skirmish_to_nowhere, -EINVAL, {"skirmish", "ret is NULL"}},
	{"skirmish, name", skirmish_name, -EINVAL, {"skirmish 'a/b'", "no '/'"}},
	{"skirmish, unknown", skirmish_unknown, -ENOENT, {"skirmish 'nobody'", "none"}},
	{"skirmish, handle", skirmish_handle, -EINVAL, {"no skirmish"}},
	{"skirmish, not ours", skirmish_busy, -EPERM, {"fusion_skirmish_dismiss()", "not yours"}},
	{"ref, name", ref_name, -EINVAL, {"ref '#3'", "without a name"}},
	{"property, name", property_name, -ENAMETOOLONG, {"property 'x", "99 bytes"}},
	{"property, window", property_window, -EINVAL, {"lease_window_ns is -5"}},
	{"property, size", property_size, -EINVAL, {"fusion_property_options", "is 8", "sizeof"}},
	{"reactor, name", reactor_name, -EINVAL, {"reactor 'a?'", "control"}},
	{"reactor, cells", reactor_cells, -EINVAL, {"cells is 3", "power of two"}},
	{"call, no function", call_without_function, -EINVAL, {"call", "fn is NULL"}},
	{"call, unknown", call_unknown, -ENOENT, {"call 'calc'", "none"}},
	{"pool, name", pool_name, -EINVAL, {"pool 'a/b'", "no '/'"}},
	{"pool, unknown", pool_unknown, -ENOENT, {"pool 'nobody'", "none"}},
	{"object pool, unknown", object_pool_unknown, -ENOENT, {"object-pool 'notes'", "none"}},
	{"hash, keys", hash_keys, -EINVAL, {"hash", "77", "fusion_key_type"}},
	{"hash, flags", hash_flags, -EINVAL, {"hash", "flags 0x100"}},
	{"hash, autofree", hash_autofree_words, -EINVAL, {"AUTOFREE", "WORDS"}},
	{"hash, handle", hash_handle, -EINVAL, {"no hash"}},
	{"vector, flags", vector_flags, -EINVAL, {"vector", "flags 0x100"}},
	{"vector, lock", vector_without_lock, -EINVAL, {"vector", "FUSION_CONTAINER_LOCK"}},
	{"vector, index", vector_index, -ERANGE, {"fusion_vector_remove()", "behind the end"}},
	{"list, flags", list_flags, -EINVAL, {"list", "flags 0x4"}},
	{"member, signal", member_signal_number, -EINVAL, {"4711 is no signal"}},
	{"member, unknown", member_unknown, -ESRCH, {"member 99", "no such member"}},
	{"member, self", member_self, -EDEADLK, {"member", "this process"}},
	{"no arena", no_arena, -EINVAL, {"arena is NULL"}},
	{"exit", exit_of_nothing, -EINVAL, {"fusion_arena_exit()", "NULL"}},
	{"enter, to nowhere", enter_to_nowhere, -EINVAL, {"fusion_arena_enter()", "ret is NULL"}},
	{"enter, size", enter_size, -EINVAL, {"fusion_arena_options", "size member is 1", "sizeof"}},
	{"enter, role", enter_role, -EINVAL, {"role is 9", "FUSION_ROLE_ANY"}},
	{"enter, flags", enter_flags, -EINVAL, {"flags is 32768", "FUSION_ENTER_"}},
	{"enter, death", enter_death, -EINVAL, {"on_master_death is 9"}},
	{"enter, mode", enter_mode, -EINVAL, {"mode is", "0750"}},
	{"enter, time-out", enter_timeout, -EINVAL, {"timeout_ns is -7", "nanoseconds"}},
	{"enter, span", enter_span, -EINVAL, {"span is 50000000", "power of two"}},
	{"enter, nowhere", enter_nowhere, -ENODEV, {"arena '/nowhere/arena'", "no fusionfs", "mount one"}},
	{"enter, dot", enter_dot, -EINVAL, {"arena '.hidden'", "begin with '.'"}},
	{"enter, empty", enter_empty, -EINVAL, {"no name for the arena"}},
	{"enter, null", enter_null, -EINVAL, {"no name for the arena"}},
	{"enter, long", enter_long, -ENAMETOOLONG, {"arena 'x", "99 bytes", "63"}},
	{"enter, control", enter_control, -EINVAL, {"arena 'a?[2J'", "control"}},
	{"enter, plain directory", enter_plain_directory, -ENODEV, {"arena '/tmp'", "no fusionfs", "mount one"}},
	{"enter, plain file", enter_plain_file, -ENOTDIR, {"arena '/proc/self/exe'", "no directory"}},
	{"enter, below a file", enter_no_directory, -ENOTDIR, {"/proc/self/exe/arena", "no directory"}},
	{"enter, long path", enter_long_path, -ENAMETOOLONG, {"arena '/xxxx", ""}},
};
/* clang-format on */
#define N_CALLS (sizeof(calls) / sizeof(*calls))

static void keep_line(int level, const char *message, void *ctx)
{
	(void)level;
	(void)ctx;
	n_lines++;
	snprintf(last_line, sizeof(last_line), "%s", message);
}

static int set_up(void **state)
{
	(void)state;
	memset(long_name, 'x', sizeof(long_name) - 1);
	arena = image_enter(image_create(SPAN_MIN, 0));
	strcpy(arena->name, "test");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	image_leave(arena);
	return 0;
}

/* --- Tests -----------------------------------------------------------------
 */

static void check_sentence(const struct refused_call *c, const char *text)
{
	for (unsigned i = 0; i < 3 && c->says[i]; i++)
		if (!strstr(text, c->says[i]))
			fail_msg("%s: '%s' does not say '%s'", c->name, text,
				 c->says[i]);
	if (strchr(text, '\n') || !*text || text[strlen(text) - 1] == '.')
		fail_msg("%s: '%s' is no sentence for the end of a line",
			 c->name, text);
}

static void each_refusal_says_what_on_what_and_why(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_CALLS; i++) {
		int r = calls[i].call();

		if (r != calls[i].error)
			fail_msg("%s: %d", calls[i].name, r);
		check_sentence(&calls[i], fusion_strerror(r));
	}
}

static void no_refusal_leaves_the_sentence_of_an_older_one(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_CALLS; i++) {
		int r = refuse(calls[i].error, "an older one");

		told_error(r, "older");
		assert_string_equal(fusion_strerror(r), "an older one");
		r = calls[i].call();
		check_sentence(&calls[i], fusion_strerror(r));
	}
}

static void each_refusal_is_one_line_of_the_log(void **state)
{
	(void)state;
	fusion_set_log(keep_line, NULL);
	for (unsigned i = 0; i < N_CALLS; i++) {
		unsigned before;
		int r;

		/* A field is there already: only the second is refused. */
		calls[i].call();
		before = n_lines;
		r = calls[i].call();
		if (n_lines != before + (calls[i].call == field_taken ? 2 : 1))
			fail_msg("%s: %u lines", calls[i].name,
				 n_lines - before);
		assert_string_equal(last_line, fusion_strerror(r));
	}
	fusion_set_log(NULL, NULL);
}

static void what_succeeds_writes_no_line(void **state)
{
	struct fusion_hash *h;
	unsigned before;

	(void)state;
	fusion_set_log(keep_line, NULL);
	before = n_lines;
	assert_int_equal(
		fusion_hash_create(
			arena, NULL,
			&(struct fusion_hash_options){
				sizeof(struct fusion_hash_options),
				FUSION_KEY_INT,
				FUSION_CONTAINER_LOCK | FUSION_CONTAINER_WORDS},
			&h),
		0);
	assert_int_equal(fusion_hash_destroy(h), 0);
	assert_int_equal(n_lines, before);
	fusion_set_log(NULL, NULL);
}

/* Other errors than the last one have their meaning only. */
static void any_number_has_a_meaning(void **state)
{
	(void)state;
	assert_int_equal(field_with_slash(), -EINVAL);
	for (int r = -5000; r <= 5000; r++) {
		const char *text = fusion_strerror(r);

		assert_non_null(text);
		assert_true(*text);
		if (r != -EINVAL)
			assert_null(strstr(text, "a/b"));
	}
	assert_non_null(strstr(fusion_strerror(-EINVAL), "a/b"));
	assert_non_null(strstr(fusion_strerror(-ENOTCONN), "mount it again"));
	assert_non_null(strstr(fusion_strerror(-ENODEV), "fusionfs DIR"));
	assert_non_null(strstr(fusion_strerror(-INT32_MAX), "without a name"));
}

static int errno_called(const char *name)
{
	if (strcmp(name, "ENOTSUP") == 0) /* libc calls it EOPNOTSUPP */
		return ENOTSUP;
	for (int error = 1; error < 4096; error++) {
		const char *known = strerrorname_np(error);

		if (known && strcmp(known, name) == 0)
			return error;
	}
	fail_msg("%s is not an errno", name);
	return 0;
}

/* One row: "| NAME | meaning | ...". */
static void check_row(char *line)
{
	char *end, *name = strtok_r(line, "| ", &end);
	char *meaning = strtok_r(NULL, "|", &end) + 1;
	size_t length = strlen(meaning) - 1;
	const char *text = fusion_strerror(-errno_called(name));

	meaning[length] = 0;
	if (strncmp(text, meaning, length) != 0 || !strchr(":", text[length]))
		fail_msg("%s: '%s' in docs/errors.md, '%s' in the library",
			 name, meaning, text);
}

static void each_errno_has_the_meaning_of_the_table(void **state)
{
	FILE *table = fopen(ERRORS_TABLE, "r");
	char line[4096];
	int rows = 0;

	(void)state;
	assert_non_null(table);
	/* The sentence of the last failure is about an errno without a row. */
	refuse(-EXFULL, "full");
	refuse_nothing();
	while (fgets(line, sizeof(line), table)) {
		if (strncmp(line, "| E", 3) != 0)
			continue;
		check_row(line);
		rows++;
	}
	fclose(table);
	assert_true(rows >= 40);
}

static void it_changes_no_errno(void **state)
{
	(void)state;
	skirmish_busy();
	errno = 4711;
	fusion_strerror(-EPERM);
	assert_int_equal(errno, 4711);
}

static void memory_that_is_not_there_is_explained(void **state)
{
	(void)state;
	skirmish_busy();
	assert_null(fusion_malloc(arena, (size_t)1 << 50));
	assert_non_null(strstr(fusion_strerror(-errno), "no memory"));
	assert_null(fusion_malloc(NULL, 1));
	assert_non_null(strstr(fusion_strerror(-errno), "arena is NULL"));
}

/* The program prints what its callback has been told. */
static void a_callback_that_passes_an_error_on_is_explained(void **state)
{
	uint32_t serial = refuse_serial();
	int r = field_with_slash();

	(void)state;
	told_error(refuse_callback(r, serial, "shop", "initialize"), "enter");
	assert_non_null(strstr(fusion_strerror(r), "arena 'shop'"));
	assert_non_null(strstr(fusion_strerror(r), "initialize() failed"));
	assert_non_null(strstr(fusion_strerror(r), "field 'a/b'"));
	/* Its own error, after an older one of the same number. */
	serial = refuse_serial();
	told_error(refuse_callback(r, serial, "shop", "join"), "enter");
	assert_null(strstr(fusion_strerror(r), "a/b"));
	assert_non_null(strstr(fusion_strerror(r), "join()"));
}

static void *other_thread(void *unused)
{
	(void)unused;
	assert_null(strstr(fusion_strerror(-EINVAL), "a/b"));
	field_with_dot();
	assert_non_null(strstr(fusion_strerror(-EINVAL), ".b"));
	return NULL;
}

static void each_thread_has_its_own(void **state)
{
	pthread_t thread;

	(void)state;
	field_with_slash();
	assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
	pthread_join(thread, NULL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "a/b"));
}

int main(void)
{
	const struct CMUnitTest error[] = {
		cmocka_unit_test(each_refusal_says_what_on_what_and_why),
		cmocka_unit_test(
			no_refusal_leaves_the_sentence_of_an_older_one),
		cmocka_unit_test(each_refusal_is_one_line_of_the_log),
		cmocka_unit_test(what_succeeds_writes_no_line),
		cmocka_unit_test(any_number_has_a_meaning),
		cmocka_unit_test(each_errno_has_the_meaning_of_the_table),
		cmocka_unit_test(it_changes_no_errno),
		cmocka_unit_test(memory_that_is_not_there_is_explained),
		cmocka_unit_test(
			a_callback_that_passes_an_error_on_is_explained),
		cmocka_unit_test(each_thread_has_its_own),
	};

	return cmocka_run_group_tests(error, set_up, tear_down);
}
