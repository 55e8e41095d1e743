/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cache: texts by their keys, for any number of processes
 *
 *   cache ARENA  read lines: "KEY=TEXT" keeps a text, "KEY" prints the text,
 *                or an empty line if the cache has none
 *
 * The cache is a hash with a lock of its own, which keeps copies of the texts.
 * When the cache is full, an old entry makes room for a new one.
 *
 * Any process may be killed at any instruction.  A change of the hash has then
 * happened whole or not at all, no memory is lost, and the lock goes to the
 * next process, which has nothing to repair.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fusion/fusion.h>

/* About so many: two processes may pass this number at once. */
#define MOST 10000

static struct fusion_hash *cache;

static void check(int r)
{
	if (r < 0)
		errx(1, "%s", fusion_strerror(r));
}

static void put(const char *key, const char *text)
{
	struct fusion_hash_iter it;
	uint64_t n;

	check(fusion_hash_count(cache, &n));
	if (n >= MOST && fusion_hash_iter_begin(&it, cache) == 0 &&
	    fusion_hash_next(&it, NULL, NULL) > 0)
		fusion_hash_iter_remove(&it, NULL);
	check(fusion_hash_put_bytes(cache, fusion_key_string(key), text,
				    strlen(text) + 1));
}

static void print(const char *key)
{
	char text[4096] = "";
	int r = fusion_hash_get_bytes(cache, fusion_key_string(key), text,
				      sizeof(text), NULL);

	check(r == -ENOENT ? 0 : r);
	puts(text);
}

int main(int argc, char **argv)
{
	const struct fusion_hash_options options = {
		.size = sizeof(options),
		.flags = FUSION_CONTAINER_LOCK | FUSION_CONTAINER_BYTES};
	struct fusion_arena *arena;
	char line[4096], *text;

	if (argc != 2)
		errx(2, "Usage: cache ARENA (it reads KEY=TEXT, or KEY)");
	check(fusion_arena_enter(argv[1], NULL, &arena));
	check(fusion_hash_open(arena, "cache", &options, &cache));
	setlinebuf(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (strlen(line) == sizeof(line) - 1)
			errx(1, "a line is too long: %.40s...", line);
		line[strcspn(line, "\n")] = '\0';
		text = strchr(line, '=');
		if (!text) {
			print(line);
			continue;
		}
		*text = '\0';
		put(line, text + 1);
	}
	return fusion_arena_exit(arena) < 0;
}
