/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jobs: a queue of shell commands, and any number of workers that run them
 *
 *   jobs put ARENA   put each line of the input, and wait until all are done
 *   jobs work ARENA  run one command after the other, until a signal comes
 *
 * Any process may be killed at any instruction.  Each change of the queue is
 * one step, which has then happened or not: a job is put by the insertion into
 * the list, taken by the store to its `worker`, and done by the removal.  So a
 * process that gets the lock with -EOWNERDEAD has nothing to repair.  Ids never
 * come back, so a job whose worker is not a member any more is free again: the
 * next worker runs it from its beginning.  A process that is killed between
 * allocating and inserting, or between removing and freeing, leaks the memory
 * of one job until the arena's end.
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <fusion/fusion.h>

/* A worker that dies wakes nobody.  Processes that wait look again so often. */
#define LOOK_NS 500000000

struct job {
	fusion_id_t worker; /* the last member that took it, or FUSION_NONE */
	char command[];
};

static struct fusion_arena *arena;
static struct fusion_skirmish *lock;
static struct fusion_list *jobs;

static void check(int r)
{
	if (r == -EOWNERDEAD)
		r = fusion_skirmish_consistent(lock);
	if (r < 0 && r != -ETIMEDOUT)
		errx(1, "%s", fusion_strerror(r));
}

static void unlock(void)
{
	check(fusion_skirmish_notify(lock, true));
	check(fusion_skirmish_unlock(lock));
}

static void put(const char *command)
{
	struct job *job =
		fusion_calloc(arena, 1, sizeof(*job) + strlen(command) + 1);

	check(job ? 0 : -errno);
	strcpy(job->command, command);
	check(fusion_skirmish_lock(lock));
	check(fusion_list_insert_back(jobs, fusion_value_pointer(job), NULL));
	unlock();
}

/* Find the oldest job that no member runs. */
static struct job *find(struct fusion_list_node **node)
{
	struct fusion_value value;
	struct job *job;

	for (*node = NULL; fusion_list_next(jobs, *node, node) > 0;) {
		check(fusion_list_value(jobs, *node, &value));
		job = fusion_value_get_pointer(value);
		if (job->worker == FUSION_NONE ||
		    fusion_members_wait(arena, job->worker, 0, 0) == 0)
			return job;
	}
	return NULL;
}

static void work(void)
{
	struct fusion_list_node *node;
	struct job *job;
	int status;

	check(fusion_skirmish_lock(lock));
	while (!(job = find(&node)))
		check(fusion_skirmish_wait(lock, LOOK_NS, 0));
	job->worker = fusion_arena_id(arena);
	unlock();
	status = system(job->command);
	if (status == -1 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT))
		exit(1); /* the job is not done: another worker runs it */
	check(fusion_skirmish_lock(lock));
	check(fusion_list_remove(jobs, node, NULL));
	unlock();
	check(fusion_free(job));
}

int main(int argc, char **argv)
{
	struct fusion_list_node *node;
	char *line = NULL;
	size_t size = 0;

	if (argc != 3 || (strcmp(argv[1], "put") && strcmp(argv[1], "work")))
		errx(2,
		     "Usage: jobs put|work ARENA (put reads commands, work runs them)");
	check(fusion_arena_enter(argv[2], NULL, &arena));
	check(fusion_list_open(arena, "jobs", NULL, &jobs));
	check(fusion_skirmish_open(arena, "jobs", NULL, &lock));
	while (!strcmp(argv[1], "work"))
		work();
	while (getline(&line, &size, stdin) > 0)
		put(line);
	free(line);
	check(fusion_skirmish_lock(lock));
	while (fusion_list_next(jobs, NULL, &node) > 0)
		check(fusion_skirmish_wait(lock, LOOK_NS, 0));
	check(fusion_skirmish_unlock(lock));
	check(fusion_arena_exit(arena));
	return 0;
}
