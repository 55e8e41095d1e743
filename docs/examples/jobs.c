/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jobs: a queue of shell commands, and any number of workers that run them
 *
 *   jobs put ARENA   put each line of the input, and wait until all are done
 *   jobs work ARENA  run one command after the other, until a signal comes
 *
 * The queue is a list with a lock of its own, which keeps copies of the jobs.
 *
 * Any process may be killed at any instruction.  Each change of the queue is
 * one step, which has then happened or not: a job is put by the insertion into
 * the list, taken by the store to its `worker`, and done by the removal.  No
 * memory is lost, and the lock goes to the next process, which has nothing to
 * repair.  Ids never come back, so a job whose worker is not a member any more
 * is free again: the next worker runs it from its beginning.
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
	char command[4096];
};

static struct fusion_arena *arena;
static struct fusion_list *jobs;

static void check(int r)
{
	if (r < 0 && r != -ETIMEDOUT)
		errx(1, "%s", fusion_strerror(r));
}

/* Find the oldest job that no member runs. */
static struct job *find(struct fusion_list_node **node)
{
	struct fusion_value value;
	struct job *job;

	for (*node = NULL; fusion_list_next(jobs, *node, node) > 0;) {
		check(fusion_list_value(jobs, *node, &value));
		job = fusion_value_get_pointer(value);
		if (fusion_members_wait(arena, job->worker, 0, 0) != -ETIMEDOUT)
			return job;
	}
	return NULL;
}

static void work(void)
{
	struct fusion_list_node *node;
	struct job *job;
	int status;

	check(fusion_list_lock(jobs));
	while (!(job = find(&node)))
		check(fusion_list_wait(jobs, LOOK_NS, 0));
	job->worker = fusion_arena_id(arena);
	check(fusion_list_unlock(jobs));
	status = system(job->command);
	if (status == -1 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT))
		exit(1); /* the job is not done: another worker runs it */
	check(fusion_list_remove(jobs, node, NULL));
}

static void put(const struct job *job)
{
	size_t length = strlen(job->command) + 1;

	if (length == sizeof(job->command))
		errx(1, "a line is too long: %.40s...", job->command);
	check(fusion_list_insert_bytes(
		jobs, NULL, job, offsetof(struct job, command) + length, NULL));
}

int main(int argc, char **argv)
{
	const struct fusion_list_options options = {
		.size = sizeof(options),
		.flags = FUSION_CONTAINER_LOCK | FUSION_CONTAINER_BYTES};
	struct fusion_list_node *node;
	struct job job = {.worker = FUSION_NONE};

	if (argc != 3 || (strcmp(argv[1], "put") && strcmp(argv[1], "work")))
		errx(2, "Usage: jobs put|work ARENA (put reads commands)");
	check(fusion_arena_enter(argv[2], NULL, &arena));
	check(fusion_list_open(arena, "jobs", &options, &jobs));
	while (!strcmp(argv[1], "work"))
		work();
	while (fgets(job.command, sizeof(job.command), stdin))
		put(&job);
	check(fusion_list_lock(jobs));
	while (fusion_list_next(jobs, NULL, &node) > 0)
		check(fusion_list_wait(jobs, LOOK_NS, 0));
	check(fusion_list_unlock(jobs));
	return fusion_arena_exit(arena) < 0;
}
