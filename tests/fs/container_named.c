/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Containers that have names, in a real arena
 *
 *   container_named ARENA COUNT
 *   container_named ARENA destroy
 *   container_named ARENA spoil
 *
 * The first form finds or creates hash `words`, vector `row` and list `chain`,
 * adds COUNT entries to each, prints "ready N", where N is how many the hash
 * has now, and stays until its standard input ends.  The second form finds and
 * destroys the three, and prints "destroyed".  The third form overwrites the
 * beginning of the hash, and what row and chain lead to, and prints "spoiled".
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fusion/fusion.h>

#define FLAGS (FUSION_CONTAINER_LOCK | FUSION_CONTAINER_WORDS)

static struct fusion_hash *words;
static struct fusion_vector *row;
static struct fusion_list *chain;

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	printf("%s: %s\n", what, fusion_strerror(r));
	exit(1);
}

static void open_all(struct fusion_arena *arena)
{
	const struct fusion_hash_options hash = {sizeof(hash),
						 FUSION_KEY_STRING, FLAGS};
	const struct fusion_vector_options vector = {.size = sizeof(vector),
						     .flags = 0};
	const struct fusion_list_options list = {
		.size = sizeof(list), .flags = FUSION_CONTAINER_WORDS};

	must(fusion_hash_open(arena, "words", &hash, &words), "hash");
	must(fusion_vector_open(arena, "row", &vector, &row), "vector");
	must(fusion_list_open(arena, "chain", &list, &chain), "list");
}

static void add(int i)
{
	char name[32];

	snprintf(name, sizeof(name), "%d of %d", i, (int)getpid());
	must(fusion_hash_insert(words, fusion_key_string(name),
				fusion_value_word(1)),
	     "insert");
	must(fusion_vector_add(row, fusion_value_pointer(words)), "add");
	must(fusion_list_insert_back(chain, fusion_value_word(2), NULL),
	     "back");
}

static void destroy_all(struct fusion_arena *arena)
{
	must(fusion_hash_lookup(arena, "words", &words), "find hash");
	must(fusion_vector_lookup(arena, "row", &row), "find vector");
	must(fusion_list_lookup(arena, "chain", &chain), "find list");
	must(fusion_hash_destroy(words), "destroy hash");
	must(fusion_vector_destroy(row), "destroy vector");
	must(fusion_list_destroy(chain), "destroy list");
	printf("destroyed\n");
}

static void spoil_all(struct fusion_arena *arena)
{
	open_all(arena);
	memset(words, 0, 32);
	memset((char *)row + 32, 0xff, 16);
	memset((char *)chain + 64, 0xff, 8);
	printf("spoiled\n");
}

int main(int argc, char **argv)
{
	struct fusion_arena *arena;
	uint64_t n;

	if (argc != 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	must(fusion_arena_enter(argv[1], NULL, &arena), "enter");
	if (!strcmp(argv[2], "destroy")) {
		destroy_all(arena);
	} else if (!strcmp(argv[2], "spoil")) {
		spoil_all(arena);
	} else {
		open_all(arena);
		for (int i = 0; i < atoi(argv[2]); i++)
			add(i);
		must(fusion_hash_count(words, &n), "count");
		printf("ready %llu\n", (unsigned long long)n);
		while (getchar() != EOF)
			;
	}
	must(fusion_arena_exit(arena), "exit");
	return 0;
}
