/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wordindex ARENA - index text files together
 *
 * The first process is the master: it reads the names of the files from its
 * standard input, publishes the index and the work list as fields, and prints
 * the progress.  Then it stays until SIGTERM.  Each further process is a slave
 * and indexes files until none is left.  Any slave may be killed at any time.
 */
#include <errno.h>
#include <fusion/fusion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wordindex.h"

static struct fusion_arena *arena;

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "wordindex: %s: %s\n", what, why);
	exit(1);
}

static void *allocate(size_t size)
{
	void *p = fusion_malloc(arena, size);

	if (!p)
		fail("shared memory", fusion_strerror(-errno));
	return p;
}

/* --- The work list ---------------------------------------------------------
 */

/* The last owner of the lock died.  Only the number of finished files can be
 * wrong: all else changes by single stores. */
static void mend(struct work *work)
{
	work->n_done = 0;
	for (size_t i = 0; i < work->n_files; i++)
		work->n_done += atomic_load(&work->files[i].batch) != NULL;
	fusion_skirmish_consistent(work->lock);
}

static void lock(struct work *work)
{
	int r = fusion_skirmish_lock(work->lock);

	if (r == -EOWNERDEAD)
		mend(work);
	else if (r < 0)
		fail("lock", fusion_strerror(r));
}

/* Wait for a notify; but not for long, since a death does not notify. */
static void wait_for_news(struct work *work, int64_t longest_ns)
{
	int r = fusion_skirmish_wait(work->lock, longest_ns, 0);

	if (r == -EOWNERDEAD)
		mend(work);
	else if (r < 0 && r != -ETIMEDOUT)
		fail("wait", fusion_strerror(r));
}

static void unlock(struct work *work)
{
	fusion_skirmish_unlock(work->lock);
}

/* --- The master ------------------------------------------------------------
 */

static struct work *read_work(void)
{
	char **names = NULL, *line = NULL;
	size_t n = 0, size = 0;
	struct work *work;
	ssize_t length;

	while ((length = getline(&line, &size, stdin)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = 0;
		names = realloc(names, (n + 1) * sizeof(*names));
		if (!names)
			fail("memory", strerror(ENOMEM));
		names[n] = fusion_strdup(arena, line);
		if (!names[n++])
			fail("shared memory", fusion_strerror(-errno));
	}
	free(line);
	work = allocate(sizeof(*work) + n * sizeof(struct file));
	memset(work, 0, sizeof(*work) + n * sizeof(struct file));
	work->n_files = n;
	for (size_t i = 0; i < n; i++)
		work->files[i].path = names[i];
	free(names);
	return work;
}

/* Runs in the first process only, before any other process has entered. */
static int initialize(struct fusion_arena *a, void *ctx)
{
	struct index *index;
	struct work *work;
	int r;

	(void)ctx;
	arena = a;
	index = fusion_calloc(a, 1, sizeof(*index));
	if (!index)
		return -errno;
	work = read_work();
	r = fusion_skirmish_create(a, "work", NULL, &work->lock);
	if (r < 0)
		return r;
	r = fusion_field_create(
		a, "index",
		&(struct fusion_field_options){
			.size = sizeof(struct fusion_field_options),
			.data_size = sizeof(*index),
			.type = "index",
			.data = index},
		NULL);
	if (r < 0)
		return r;
	return fusion_field_create(
		a, "work",
		&(struct fusion_field_options){
			.size = sizeof(struct fusion_field_options),
			.data_size = sizeof(*work),
			.type = "work",
			.data = work},
		NULL);
}

static void show_progress(struct work *work)
{
	size_t done, shown = work->n_files + 1;

	do {
		lock(work);
		if (work->n_done < work->n_files)
			wait_for_news(work, 200000000);
		done = work->n_done;
		unlock(work);
		if (done != shown)
			printf("%zu/%zu\n", done, work->n_files);
		fflush(stdout);
		shown = done;
	} while (done < work->n_files);
}

/* --- A slave ---------------------------------------------------------------
 */

/* Find the word, or add it.  Lock-free: new words go in front.  A process that
 * loses the race to do so searches only the words that have come since. */
static struct word *get_word(struct index *index, const char *text,
			     size_t length)
{
	uint32_t b = hash_word(text, length) % N_BUCKETS;
	struct word *head = atomic_load(&index->bucket[b]), *seen = NULL;
	struct word *new = NULL;

	for (;;) {
		for (struct word *w = head; w != seen; w = w->next) {
			if (w->length == length &&
			    !memcmp(w->text, text, length)) {
				fusion_free(new);
				return w;
			}
		}
		seen = head;
		if (!new) {
			new = allocate(sizeof(*new) + length);
			atomic_init(&new->postings, NULL);
			new->length = (uint32_t)length;
			memcpy(new->text, text, length);
		}
		new->next = head;
		if (atomic_compare_exchange_weak(&index->bucket[b], &head, new))
			return new;
	}
}

/* A word of the file that this process indexes, in private memory. */
struct token {
	const char *text;
	size_t length;
};

static int compare(const void *a, const void *b)
{
	const struct token *x = a, *y = b;

	if (x->length != y->length)
		return x->length < y->length ? -1 : 1;
	return memcmp(x->text, y->text, x->length);
}

static struct token *find_words(const char *text, size_t size, size_t *ret_n)
{
	struct token *tokens = malloc((size / 2 + 1) * sizeof(*tokens));
	size_t from = 0, n = 0;

	if (!tokens)
		fail("memory", strerror(ENOMEM));
	for (size_t i = 0; i <= size; i++) {
		if (i < size && is_word_char((unsigned char)text[i]))
			continue;
		if (i > from)
			tokens[n++] = (struct token){text + from, i - from};
		from = i + 1;
	}
	qsort(tokens, n, sizeof(*tokens), compare);
	*ret_n = n;
	return tokens;
}

static char *read_file(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t size = 0, n;

	if (!f)
		fail(path, strerror(errno));
	do {
		text = realloc(text, size + 65536);
		if (!text)
			fail("memory", strerror(ENOMEM));
		n = fread(text + size, 1, 65536, f);
		size += n;
	} while (n);
	fclose(f);
	*ret_size = size;
	return text;
}

static void push(struct word *w, struct posting *p)
{
	p->next = atomic_load(&w->postings);
	while (!atomic_compare_exchange_weak(&w->postings, &p->next, p))
		;
}

static struct batch *make_batch(struct index *index, struct file *f,
				const struct token *tokens, size_t n)
{
	size_t n_words = 0, n_postings = 0;
	struct batch *b;

	for (size_t i = 0; i < n; i++)
		n_words += !i || compare(&tokens[i - 1], &tokens[i]) != 0;
	b = allocate(sizeof(*b) + n_words * sizeof(struct posting));
	b->file = f;
	for (size_t i = 0, end; i < n; i = end) {
		struct posting *p = &b->postings[n_postings++];

		for (end = i + 1; end < n; end++)
			if (compare(&tokens[i], &tokens[end]) != 0)
				break;
		p->batch = b;
		p->count = (uint32_t)(end - i);
		push(get_word(index, tokens[i].text, tokens[i].length), p);
	}
	return b;
}

static void index_file(struct index *index, struct work *work, struct file *f)
{
	struct batch *b;
	struct token *tokens;
	size_t size, n;
	char *text = read_file(f->path, &size);

	tokens = find_words(text, size, &n);
	b = make_batch(index, f, tokens, n);
	lock(work);
	/* The commit point: from here on the file's postings count. */
	atomic_store(&f->batch, b);
	if (++work->n_done == work->n_files)
		fusion_skirmish_notify(work->lock, true);
	unlock(work);
	free(tokens);
	free(text);
}

static int is_inside(fusion_id_t id)
{
	/* fusion_members_wait() returns 0 if the member has gone. */
	return fusion_members_wait(arena, id, 0, 0) < 0;
}

/* A file without a batch that no living process has taken, or NULL. */
static struct file *find_file(struct work *work)
{
	if (work->next < work->n_files)
		return &work->files[work->next];
	for (size_t i = 0; i < work->n_files; i++) {
		struct file *f = &work->files[i];

		if (!atomic_load(&f->batch) && !is_inside(f->owner))
			return f;
	}
	return NULL;
}

/* Take a file to index.  Returns NULL once all files are done. */
static struct file *take_file(struct work *work)
{
	struct file *f = NULL;

	lock(work);
	while (work->n_done < work->n_files) {
		f = find_file(work);
		if (f)
			break;
		/* Other processes index the rest, and one of them may die. */
		wait_for_news(work, 20000000);
	}
	if (f) {
		f->owner = fusion_arena_id(arena);
		/* The commit point: a process killed before has not taken the
		 * file. */
		if (f == &work->files[work->next])
			atomic_store(&work->next, work->next + 1);
	}
	unlock(work);
	return f;
}

static void index_all(struct index *index, struct work *work)
{
	struct file *f;

	while ((f = take_file(work)))
		index_file(index, work, f);
}

int main(int argc, char **argv)
{
	struct fusion_arena_options options = {
		.size = sizeof(options),
		.initialize = initialize,
	};
	void *index, *work;
	bool is_master;
	sigset_t end;
	int r, signal;

	if (argc != 2) {
		fprintf(stderr, "Usage: wordindex ARENA\n"
				"The first one reads names of files "
				"from its standard input.\n");
		return 2;
	}
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigaddset(&end, SIGINT);
	r = fusion_arena_enter(argv[1], &options, &arena);
	if (r < 0)
		fail(argv[1], fusion_strerror(r));
	is_master = fusion_arena_role(arena) == FUSION_ROLE_MASTER;
	r = fusion_field_lookup(arena, "index", 0, NULL, &index);
	if (r == 0)
		r = fusion_field_lookup(arena, "work", 0, NULL, &work);
	if (r < 0)
		fail(argv[1], fusion_strerror(r));

	if (is_master) {
		/* Here Ctrl-C kills this process, which the others recover. */
		show_progress(work);
		sigprocmask(SIG_BLOCK, &end, NULL);
		puts("indexed");
		fflush(stdout);
		/* The index is gone when its last member leaves: stay, so that
		 * wordlookup can read it. */
		sigwait(&end, &signal);
	} else {
		index_all(index, work);
	}
	r = fusion_arena_exit(arena);
	if (r < 0)
		fail("leave", fusion_strerror(r));
	return 0;
}
