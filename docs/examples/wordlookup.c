/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wordlookup ARENA [WORD...] - print how often words are in the files
 *
 * Joins the arena of wordindex and follows its pointers.  Without arguments it
 * prints a line "COUNT WORD" for each word of the index.
 */
#include <errno.h>
#include <fusion/fusion.h>
#include <stdio.h>
#include <string.h>

#include "wordindex.h"

static unsigned long count(struct word *w)
{
	unsigned long n = 0;

	for (struct posting *p = atomic_load(&w->postings); p; p = p->next)
		if (atomic_load(&p->batch->file->batch) == p->batch)
			n += p->count;
	return n;
}

static void print(struct word *w)
{
	unsigned long n = count(w);

	if (n)
		printf("%lu %.*s\n", n, (int)w->length, w->text);
}

static void print_all(struct index *index)
{
	for (int b = 0; b < N_BUCKETS; b++)
		for (struct word *w = atomic_load(&index->bucket[b]); w;
		     w = w->next)
			print(w);
}

static void look_up(struct index *index, const char *text)
{
	size_t length = strlen(text);
	uint32_t b = hash_word(text, length) % N_BUCKETS;
	struct word *w = atomic_load(&index->bucket[b]);

	while (w && (w->length != length || memcmp(w->text, text, length)))
		w = w->next;
	if (w)
		print(w);
	else
		printf("0 %s\n", text);
}

int main(int argc, char **argv)
{
	struct fusion_arena_options options = {
		.size = sizeof(options),
		.role = FUSION_ROLE_SLAVE,
		.flags = FUSION_ENTER_NOWAIT | FUSION_ENTER_EXISTING,
	};
	struct fusion_arena *arena;
	void *index;
	int r;

	if (argc < 2) {
		fprintf(stderr, "Usage: wordlookup ARENA [WORD...]\n");
		return 2;
	}
	r = fusion_arena_enter(argv[1], &options, &arena);
	if (r == 0)
		r = fusion_field_lookup(arena, "index", 0, NULL, &index);
	if (r < 0) {
		fprintf(stderr, "wordlookup: %s: %s\n", argv[1],
			r == -EAGAIN ? "no wordindex is running there"
				     : fusion_strerror(r));
		return 1;
	}
	for (int i = 2; i < argc; i++)
		look_up(index, argv[i]);
	if (argc == 2)
		print_all(index);
	fusion_arena_exit(arena);
	return 0;
}
