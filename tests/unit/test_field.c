/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names, fields and events. */
#include "tests/unit/arena_image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/names/field.h"
#include "libfusion/core/names/name.h"
#include "libfusion/core/names/table_check.h"
#include "libfusion/core/names/table_lens.h"
#include "libfusion/core/names/table_recover.h"

struct arena {
	struct view v;
	struct thread_rec *me;
	int fd;
};

static void arena_open(struct arena *a, uint64_t limit)
{
	a->fd = image_create(SPAN_MIN, limit);
	image_map(&a->v, a->fd);
	assert_int_equal(thread_claim(&a->v, &a->me), 0);
}

static void print_fault(void *ctx, const char *what)
{
	(void)ctx;
	print_message("# fault: %s\n", what);
}

static void arena_close(struct arena *a)
{
	assert_int_equal(table_check(&a->v, KIND_FIELD, print_fault, NULL), 0);
	view_unmap(&a->v);
	close(a->fd);
}

static int add(struct arena *a, const char *name)
{
	return field_add(&a->v, a->me, name, 0x1234, 8, "word", 7);
}

static void name_rules_are_those_of_the_manual(void **state)
{
	char name[66];

	(void)state;
	assert_int_equal(name_check_arena("a"), 0);
	assert_int_equal(name_check_arena("a b.c#d"), 0);
	assert_int_equal(name_check_arena("#1"), 0);
	assert_int_equal(name_check_arena("gr\xc3\xbc\xc3\x9f"), 0);
	assert_int_equal(name_check_arena(NULL), -EINVAL);
	assert_int_equal(name_check_arena(""), -EINVAL);
	assert_int_equal(name_check_arena(".a"), -EINVAL);
	assert_int_equal(name_check_arena("a/b"), -EINVAL);
	assert_int_equal(name_check_arena("a\nb"), -EINVAL);
	assert_int_equal(name_check_arena("a\x7f"), -EINVAL);
	assert_int_equal(name_check_arena("a\xc2\x9b"), -EINVAL);
	assert_int_equal(name_check_entry("a"), 0);
	assert_int_equal(name_check_entry("#1"), -EINVAL);
	assert_int_equal(name_check_entry(".."), -EINVAL);
	memset(name, 'x', sizeof(name));
	name[63] = '\0';
	assert_int_equal(name_check_arena(name), 0);
	assert_int_equal(name_check_entry(name), 0);
	name[63] = 'x';
	name[64] = '\0';
	assert_int_equal(name_check_arena(name), -ENAMETOOLONG);
	assert_int_equal(name_check_entry(name), -ENAMETOOLONG);
}

static void field_added_is_found_until_removed(void **state)
{
	struct field_rec f;
	struct arena a;
	uint32_t i;

	(void)state;
	arena_open(&a, 0);
	assert_int_equal(field_get(&a.v, a.me, "words", &f), -ENOENT);
	assert_int_equal(add(&a, "words"), 0);
	assert_int_equal(add(&a, "words"), -EEXIST);
	assert_int_equal(field_get(&a.v, a.me, "words", &f), 0);
	assert_string_equal(f.e.name, "words");
	assert_string_equal(f.type, "word");
	assert_int_equal(f.addr, 0x1234);
	assert_int_equal(f.size, 8);
	assert_int_equal(f.e.creator, 7);
	assert_int_equal(a.v.sb->tables[KIND_FIELD].n, 1);
	assert_int_equal(table_lookup(&a.v, KIND_FIELD, "words", &i), 0);
	assert_int_equal(field_copy(&a.v, i, &f), 0);
	assert_string_equal(f.e.name, "words");
	assert_int_equal(field_remove(&a.v, a.me, "words"), 0);
	assert_int_equal(field_remove(&a.v, a.me, "words"), -ENOENT);
	assert_int_equal(table_lookup(&a.v, KIND_FIELD, "words", &i), -ENOENT);
	assert_int_equal(field_copy(&a.v, i, &f), -ENOENT);
	assert_int_equal(a.v.sb->tables[KIND_FIELD].n, 0);
	arena_close(&a);
}

static void field_with_bad_name_or_type_is_refused(void **state)
{
	char type[FIELD_TYPE_MAX + 2];
	struct field_rec f;
	struct arena a;

	(void)state;
	arena_open(&a, 0);
	memset(type, 't', sizeof(type));
	type[FIELD_TYPE_MAX + 1] = '\0';
	assert_int_equal(add(&a, "#3"), -EINVAL);
	assert_int_equal(add(&a, "a/b"), -EINVAL);
	assert_int_equal(field_add(&a.v, a.me, "x", 0, 0, type, 0),
			 -ENAMETOOLONG);
	assert_int_equal(field_add(&a.v, a.me, "x", 0, 0, "a\nb", 0), -EINVAL);
	assert_int_equal(field_add(&a.v, a.me, "x", 0, 0, NULL, 0), 0);
	assert_int_equal(field_get(&a.v, a.me, "x", &f), 0);
	assert_string_equal(f.type, "");
	assert_int_equal(field_get(&a.v, a.me, "", &f), -EINVAL);
	assert_int_equal(field_remove(&a.v, a.me, "a/b"), -EINVAL);
	arena_close(&a);
}

static void fields_fill_the_table_then_ENOSPC(void **state)
{
	struct arena a;
	char name[16];
	uint32_t i;

	(void)state;
	arena_open(&a, 0);
	for (i = 0; i < a.v.geo.max_fields; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		assert_int_equal(add(&a, name), 0);
	}
	assert_int_equal(add(&a, "one more"), -ENOSPC);
	assert_int_equal(table_check(&a.v, KIND_FIELD, print_fault, NULL), 0);
	for (i = 0; i < a.v.geo.max_fields; i += 3) {
		snprintf(name, sizeof(name), "f%u", i);
		assert_int_equal(field_remove(&a.v, a.me, name), 0);
	}
	assert_int_equal(table_check(&a.v, KIND_FIELD, print_fault, NULL), 0);
	assert_int_equal(add(&a, "one more"), 0);
	arena_close(&a);
}

static void fields_at_the_memory_limit_are_ENOMEM(void **state)
{
	struct arena a;
	char name[16];
	int r = 0;

	(void)state;
	arena_open(&a, 0);
	a.v.sb->limit = view_used(&a.v) + 8192;
	for (int i = 0; !r && i < 1000; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		r = add(&a, name);
	}
	assert_int_equal(r, -ENOMEM);
	arena_close(&a);
}

/* What a death leaves at each place of an operation, by hand. */
static void field_intent_before_commit_is_undone(void **state)
{
	struct arena a;

	(void)state;
	arena_open(&a, 0);
	assert_int_equal(add(&a, "one"), 0);
	/* A fresh entry taken, nothing written. */
	a.me->table = (struct intent){.op = 1, .a = {1, 5, 1, 2}};
	a.v.sb->tables[KIND_FIELD].hi = 2;
	for (int i = 0; i < 2; i++)
		assert_int_equal(table_recover(&a.v, a.me), 0);
	assert_int_equal(table_check(&a.v, KIND_FIELD, print_fault, NULL), 0);
	assert_int_equal(a.v.sb->tables[KIND_FIELD].n, 1);
	assert_int_equal(a.v.sb->tables[KIND_FIELD].free, 2);
	/* The same from the free list. */
	a.me->table = (struct intent){.op = 1, .a = {1, 5, 0, 2}};
	a.v.sb->tables[KIND_FIELD].free = 0;
	assert_int_equal(table_recover(&a.v, a.me), 0);
	assert_int_equal(a.v.sb->tables[KIND_FIELD].free, 2);
	arena_close(&a);
}

static void field_intent_of_nonsense_is_EIO(void **state)
{
	struct arena a;

	(void)state;
	arena_open(&a, 0);
	assert_int_equal(add(&a, "one"), 0);
	a.me->table = (struct intent){.op = 1, .a = {~0ull, 0, 0, 0}};
	assert_int_equal(table_recover(&a.v, a.me), -EIO);
	a.me->table = (struct intent){.op = 9, .a = {0, 0, 0, 0}};
	assert_int_equal(table_recover(&a.v, a.me), -EIO);
	a.me->table = (struct intent){.op = 2, .a = {0, ~0ull, 0, 0}};
	assert_int_equal(table_recover(&a.v, a.me), -EIO);
	arena_close(&a);
}

static void field_chain_that_is_scribbled_on_is_bounded(void **state)
{
	struct field_rec f;
	struct arena a;
	uint32_t i;

	(void)state;
	arena_open(&a, 0);
	assert_int_equal(add(&a, "one"), 0);
	assert_int_equal(table_lookup(&a.v, KIND_FIELD, "one", &i), 0);
	/* A ring, whose only entry has the right bucket but another name. */
	view_field(&a.v, i)->e.next = i + 1;
	strcpy(view_field(&a.v, i)->e.name, "two");
	assert_int_equal(table_lookup(&a.v, KIND_FIELD, "one", &i), -ENOENT);
	assert_int_equal(field_get(&a.v, a.me, "one", &f), -EIO);
	assert_true(table_check(&a.v, KIND_FIELD, NULL, NULL) > 0);
	view_field(&a.v, 0)->e.next = 0x7fffffff;
	assert_int_equal(table_lookup(&a.v, KIND_FIELD, "one", &i), -ENOENT);
	assert_int_equal(field_get(&a.v, a.me, "one", &f), -EIO);
	view_field(&a.v, 0)->e.next = 0;
	strcpy(view_field(&a.v, 0)->e.name, "one");
	arena_close(&a);
}

#define CHURN_PROCESSES 3
#define CHURN_ROUNDS 3000

static void churn(struct arena *a, int who)
{
	struct thread_rec *me;
	struct field_rec f;
	char name[16];

	if (thread_claim(&a->v, &me) < 0)
		_exit(1);
	snprintf(name, sizeof(name), "n%d", who);
	for (int i = 0; i < CHURN_ROUNDS; i++) {
		if (field_add(&a->v, me, name, 1, 1, NULL, 0) ||
		    field_get(&a->v, me, name, &f) ||
		    field_add(&a->v, me, "all", 1, 1, NULL, 0) > 0 ||
		    field_remove(&a->v, me, name))
			_exit(2);
		field_remove(&a->v, me, "all");
	}
	_exit(0);
}

static void fields_of_many_processes_at_once_stay_whole(void **state)
{
	struct arena a;
	int status;

	(void)state;
	arena_open(&a, 0);
	for (int i = 0; i < CHURN_PROCESSES; i++)
		if (!fork())
			churn(&a, i);
	for (int i = 0; i < CHURN_PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	arena_close(&a);
}

static void events_are_read_in_order(void **state)
{
	struct event_rec rec;
	uint64_t oldest;
	struct arena a;

	(void)state;
	arena_open(&a, 0);
	assert_int_equal(event_read(&a.v, 0, &rec, &oldest), -ENOENT);
	event_log(&a.v, a.me, EVENT_JOIN, 3, "pid %d", 99);
	event_log(&a.v, a.me, EVENT_LEAVE, 3, "a\nb");
	assert_int_equal(event_read(&a.v, 0, &rec, &oldest), 0);
	assert_int_equal(rec.seq, 0);
	assert_int_equal(rec.kind, EVENT_JOIN);
	assert_int_equal(rec.member, 3);
	assert_string_equal(rec.text, "pid 99");
	assert_int_equal(rec.len, 6);
	assert_int_equal(event_read(&a.v, 1, &rec, &oldest), 0);
	assert_string_equal(rec.text, "a?b");
	assert_int_equal(event_read(&a.v, 2, &rec, &oldest), -ENOENT);
	assert_int_equal(a.v.sb->event_word, 2);
	assert_string_equal(event_kind_name(EVENT_LEAVE), "leave");
	assert_string_equal(event_kind_name(12345), "none");
	arena_close(&a);
}

static void events_overwritten_say_where_to_go_on(void **state)
{
	struct event_rec rec;
	uint64_t oldest;
	struct arena a;

	(void)state;
	arena_open(&a, 0);
	for (int i = 0; i < (int)EVENTS + 10; i++)
		event_log(&a.v, a.me, EVENT_CREATED, 1, "%d", i);
	assert_int_equal(event_read(&a.v, 0, &rec, &oldest), -EOVERFLOW);
	assert_int_equal(oldest, 11);
	assert_int_equal(event_read(&a.v, oldest, &rec, &oldest), 0);
	assert_string_equal(rec.text, "11");
	arena_close(&a);
}

static void event_of_a_killed_writer_never_was(void **state)
{
	struct event_rec rec;
	uint64_t oldest;
	struct arena a;

	(void)state;
	arena_open(&a, 0);
	event_log(&a.v, a.me, EVENT_CREATED, 1, "one");
	/* Number and text are there, the head is not. */
	((struct event_rec *)view_at(&a.v, a.v.geo.off_events))[1].seq = 1;
	assert_int_equal(event_read(&a.v, 1, &rec, &oldest), -ENOENT);
	event_log(&a.v, a.me, EVENT_CREATED, 1, "two");
	assert_int_equal(event_read(&a.v, 1, &rec, &oldest), 0);
	assert_string_equal(rec.text, "two");
	arena_close(&a);
}

static void events_of_a_scribbler_are_made_printable(void **state)
{
	struct event_rec rec, *slot;
	uint64_t oldest;
	struct arena a;

	(void)state;
	arena_open(&a, 0);
	event_log(&a.v, a.me, EVENT_CREATED, 1, "one");
	slot = view_at(&a.v, a.v.geo.off_events);
	memset(slot->text, 0x1b, sizeof(slot->text));
	slot->len = 0xffff;
	slot->kind = 999;
	assert_int_equal(event_read(&a.v, 0, &rec, &oldest), 0);
	assert_int_equal(rec.len, sizeof(rec.text));
	assert_int_equal(rec.text[5], '?');
	assert_int_equal(rec.kind, EVENT_NONE);
	a.v.sb->event_head = 1ull << 60;
	assert_int_equal(event_read(&a.v, 0, &rec, &oldest), -EOVERFLOW);
	arena_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_rules_are_those_of_the_manual),
		cmocka_unit_test(field_added_is_found_until_removed),
		cmocka_unit_test(field_with_bad_name_or_type_is_refused),
		cmocka_unit_test(fields_fill_the_table_then_ENOSPC),
		cmocka_unit_test(fields_at_the_memory_limit_are_ENOMEM),
		cmocka_unit_test(field_intent_before_commit_is_undone),
		cmocka_unit_test(field_intent_of_nonsense_is_EIO),
		cmocka_unit_test(field_chain_that_is_scribbled_on_is_bounded),
		cmocka_unit_test(fields_of_many_processes_at_once_stay_whole),
		cmocka_unit_test(events_are_read_in_order),
		cmocka_unit_test(events_overwritten_say_where_to_go_on),
		cmocka_unit_test(event_of_a_killed_writer_never_was),
		cmocka_unit_test(events_of_a_scribbler_are_made_printable),
	};

	return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}
