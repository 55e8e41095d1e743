/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a fork makes of hash, vector and list, in a real arena
 *
 *   container_fork ARENA COUNT
 *
 * A member makes them, walks half of a hash and forks with its lock held.  The
 * child, which enters again, is not the lock's owner; handles, nodes and the
 * walk are as good there as in the parent.  Then both change all three at the
 * same time, COUNT times each, and both find what the two have done.
 * "COUNT each"; or what was wrong.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fusion/fusion.h>

#include "tests/nameless_container.h"

#define FLAGS (FUSION_CONTAINER_LOCK | FUSION_CONTAINER_WORDS)
#define KEYS 100

static struct fusion_hash *ints, *strings;
static struct fusion_vector *vector;
static struct fusion_list *list;
static struct fusion_list_node *first;
static const char *who = "parent";

static void expect(const char *what, int64_t is, int64_t want)
{
	if (is == want)
		return;
	printf("%s: %s: %lld, not %lld\n", who, what, (long long)is,
	       (long long)want);
	fflush(stdout);
	_exit(1);
}

static struct fusion_value word(uint64_t w)
{
	return fusion_value_word(w);
}

static void make(struct fusion_arena *arena)
{
	char name[16];

	expect("hash", hash_create(arena, FUSION_KEY_INT, FLAGS, &ints), 0);
	expect("hash", hash_create(arena, FUSION_KEY_STRING, FLAGS, &strings),
	       0);
	expect("vector", vector_create(arena, FLAGS, &vector), 0);
	expect("list", list_create(arena, FLAGS, &list), 0);
	expect("front", fusion_list_insert_front(list, word(77), &first), 0);
	for (uint64_t i = 0; i < KEYS; i++) {
		snprintf(name, sizeof(name), "key %u", (unsigned)i);
		expect("insert",
		       fusion_hash_insert(strings, fusion_key_string(name),
					  word(i)),
		       0);
	}
}

/* As it was in the parent when it forked. */
static void look(struct fusion_hash_iter it, unsigned seen, bool is_child)
{
	struct fusion_value value;

	expect("unlock", fusion_hash_unlock(strings), is_child ? -EPERM : 0);
	while (fusion_hash_next(&it, NULL, NULL) == 1)
		seen++;
	expect("walked", seen, KEYS);
	expect("found",
	       fusion_hash_value(strings, fusion_key_string("key 7"), &value),
	       0);
	expect("its value", (int64_t)value.word, 7);
	expect("node", fusion_list_value(list, first, &value), 0);
	expect("its value", (int64_t)value.word, 77);
}

/* The parent's words are even, the child's odd. */
static void change(uint64_t count, bool is_child)
{
	struct fusion_list_node *node;
	char name[32];

	for (uint64_t i = 0; i < count; i++) {
		struct fusion_value w = word(2 * i + is_child);

		snprintf(name, sizeof(name), "%s %lu", who, (unsigned long)i);
		expect("insert",
		       fusion_hash_insert(ints, fusion_key_int(w.word), w), 0);
		expect("insert",
		       fusion_hash_insert(strings, fusion_key_string(name), w),
		       0);
		expect("add", fusion_vector_add(vector, w), 0);
		expect("back", fusion_list_insert_back(list, w, &node), 0);
		if (i % 2)
			expect("remove", fusion_list_remove(list, node, NULL),
			       0);
	}
}

static void count_each(int64_t count)
{
	uint64_t n;

	expect("count", fusion_hash_count(ints, &n), 0);
	expect("ints", (int64_t)n, 2 * count);
	expect("count", fusion_hash_count(strings, &n), 0);
	expect("strings", (int64_t)n, KEYS + 2 * count);
	expect("count", fusion_list_count(list, &n), 0);
	expect("list", (int64_t)n, 1 + 2 * ((count + 1) / 2));
	expect("count", fusion_vector_count(vector, &n), 0);
	expect("vector", (int64_t)n, 2 * count);
}

static void count_all(int64_t count)
{
	int64_t n[2] = {0};
	struct fusion_value value;

	count_each(count);
	for (int64_t i = 0; i < 2 * count; i++) {
		expect("found",
		       fusion_hash_value(ints, fusion_key_int((uint64_t)i),
					 &value),
		       0);
		expect("its value", (int64_t)value.word, i);
		expect("at", fusion_vector_at(vector, (uint64_t)i, &value), 0);
		/* Each has added its own in order. */
		expect("order", (int64_t)value.word / 2, n[value.word % 2]++);
	}
}

int main(int argc, char **argv)
{
	const struct fusion_arena_options options = {
		.size = sizeof(options),
		.flags = FUSION_ENTER_FORK,
	};
	int64_t count = argc > 2 ? atoi(argv[2]) : 0;
	struct fusion_arena *arena;
	struct fusion_hash_iter it;
	unsigned seen = 0;
	int status = 1, pipes[2];
	char looked = 0;
	pid_t pid;

	if (count <= 0)
		return 2;
	expect("enter", fusion_arena_enter(argv[1], &options, &arena), 0);
	make(arena);
	expect("begin", fusion_hash_iter_begin(&it, strings), 0);
	while (seen < KEYS / 2 && fusion_hash_next(&it, NULL, NULL) == 1)
		seen++;
	expect("lock", fusion_hash_lock(strings), 0);
	expect("pipe", pipe(pipes), 0);
	pid = fork();
	if (pid == 0)
		who = "child";
	expect("fork", pid < 0, false);
	/* The child waits for the lock of its parent, as any other would. */
	look(it, seen, pid == 0);
	/* Nothing moves before both have looked. */
	if (pid == 0)
		expect("write", write(pipes[1], &looked, 1), 1);
	else if (close(pipes[1]) == 0)
		expect("read", read(pipes[0], &looked, 1), 1);
	change((uint64_t)count, pid == 0);
	if (pid == 0)
		_exit(0);
	expect("wait", waitpid(pid, &status, 0), pid);
	expect("status of the child", status, 0);
	count_all(count);
	expect("destroy", fusion_hash_destroy(ints), 0);
	expect("destroy", fusion_hash_destroy(strings), 0);
	expect("destroy", fusion_vector_destroy(vector), 0);
	expect("destroy", fusion_list_destroy(list), 0);
	expect("exit", fusion_arena_exit(arena), 0);
	printf("%lld each\n", (long long)count);
	return 0;
}
