/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cache: texts by their keys, for any number of processes
 *
 *   cache ARENA  read lines: "KEY=TEXT" keeps a text, "KEY" prints the text,
 *                or an empty line if the cache has none
 *
 * The cache is a hash with a lock of its own, which owns its texts.  When the
 * cache is full, an old entry makes room for a new one.
 *
 * Any process may be killed at any instruction.  A change of the hash has then
 * happened whole or not at all, and its lock goes to the next process, which
 * has nothing to repair.  A process that is killed after fusion_strdup() and
 * before fusion_hash_replace() leaves a copy that nobody frees until the last
 * process has left.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fusion/fusion.h>

#define MOST 10000

static void check(int r)
{
	if (r < 0)
		errx(1, "%s", fusion_strerror(r));
}

static void put(struct fusion_arena *arena, struct fusion_hash *cache,
		const char *key, const char *text)
{
	struct fusion_hash_iter it;
	uint64_t n;
	char *copy = fusion_strdup(arena, text);

	check(copy ? 0 : -errno);
	check(fusion_hash_lock(cache));
	check(fusion_hash_count(cache, &n));
	if (n >= MOST) {
		check(fusion_hash_iter_begin(&it, cache));
		check(fusion_hash_next(&it, NULL, NULL));
		check(fusion_hash_iter_remove(&it, NULL));
	}
	check(fusion_hash_replace(cache, fusion_key_string(key),
				  fusion_value_pointer(copy), NULL));
	check(fusion_hash_unlock(cache));
}

/* Copies the text, since another process may replace it after the unlock. */
static void print(struct fusion_hash *cache, const char *key)
{
	struct fusion_value value;
	char *copy = NULL;

	check(fusion_hash_lock(cache));
	if (fusion_hash_lookup(cache, fusion_key_string(key), &value) == 0)
		copy = strdup(fusion_value_get_pointer(value));
	check(fusion_hash_unlock(cache));
	puts(copy ? copy : "");
	free(copy);
}

int main(int argc, char **argv)
{
	const struct fusion_hash_options options = {
		.size = sizeof(options),
		.flags = FUSION_CONTAINER_LOCK | FUSION_CONTAINER_AUTOFREE};
	struct fusion_arena *arena;
	struct fusion_hash *cache;
	char *line = NULL, *text;
	size_t size = 0;

	if (argc != 2)
		errx(2, "Usage: cache ARENA");
	check(fusion_arena_enter(argv[1], NULL, &arena));
	check(fusion_hash_open(arena, "cache", &options, &cache));
	setlinebuf(stdout);
	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		text = strchr(line, '=');
		if (!text) {
			print(cache, line);
		} else {
			*text++ = '\0';
			put(arena, cache, line, text);
		}
	}
	free(line);
	check(fusion_arena_exit(arena));
	return 0;
}
