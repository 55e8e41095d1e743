/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a fork makes of references, in a real arena
 *
 *   ref_fork ARENA ROUNDS
 *
 * A member counts and forks, and is killed at some moment around that.  The
 * child, if there is one, must have its parent's counts, and the total must not
 * have fallen; when the child is killed too, it falls, once.
 * "N rounds, N children"; or what was wrong, and it kills itself.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fusion/fusion.h>

#define COUNTS 5
#define SPIN_MOST 2000000 /* a fork and what comes with it, about */
#define SPIN_END (SPIN_MOST << 8)

static void fail(const char *what, long value)
{
	printf("%s (%ld)\n", what, value);
	fflush(stdout);
	/* All of the group that main() has made. */
	kill(0, SIGKILL);
	_exit(1);
}

static void check(const char *what, int r)
{
	if (r < 0)
		fail(what, r);
}

static struct fusion_arena *enter(const char *name, uint32_t flags)
{
	const struct fusion_arena_options options = {
		.size = sizeof(options),
		.flags = flags,
	};
	struct fusion_arena *arena;

	check("enter", fusion_arena_enter(name, &options, &arena));
	return arena;
}

static struct fusion_ref_stat stat_of(struct fusion_ref *ref)
{
	struct fusion_ref_stat s;

	check("stat", fusion_ref_stat(ref, &s, sizeof(s)));
	return s;
}

/* What the two say through the pipe. */
struct word {
	pid_t pid;
	fusion_id_t id;
	uint64_t local;
	char who; /* 'p'arent before it forks, 'P' after it, 'c'hild */
};

static void say(int out, struct fusion_arena *arena, struct fusion_ref *ref,
		char who)
{
	struct word w = {
		.pid = getpid(),
		.id = fusion_arena_id(arena),
		.who = who,
	};

	if (w.id)
		w.local = stat_of(ref).local;
	if (write(out, &w, sizeof(w)) != sizeof(w))
		_exit(1);
}

static void parent(const char *name, int out)
{
	struct fusion_arena *arena = enter(name, FUSION_ENTER_FORK);
	struct fusion_ref *ref;

	check("lookup", fusion_ref_lookup(arena, "ref", &ref));
	for (int i = 0; i < COUNTS; i++)
		check("up", fusion_ref_up(ref));
	say(out, arena, ref, 'p');
	if (fork() == 0)
		say(out, arena, ref, 'c');
	else
		say(out, arena, ref, 'P');
	for (;;)
		pause();
}

static void kill_and_wait(struct fusion_arena *arena, const struct word *w)
{
	kill(w->pid, SIGKILL);
	check("wait", fusion_members_wait(arena, w->id, FUSION_FOREVER,
					  FUSION_WAIT_INTERRUPTIBLE));
}

static void spin(unsigned n)
{
	for (volatile unsigned i = 0; i < n; i++)
		;
}

/* true: there was a child. */
static int play(struct fusion_arena *arena, const char *name,
		struct fusion_ref *ref, unsigned wait)
{
	uint64_t falls = stat_of(ref).falls;
	struct word p, w, c = {0};
	int ends[2];
	pid_t pid;

	if (pipe(ends) < 0)
		fail("pipe", errno);
	pid = fork();
	if (pid < 0)
		fail("fork", errno);
	if (!pid) {
		close(ends[0]);
		parent(name, ends[1]);
	}
	close(ends[1]);
	if (read(ends[0], &p, sizeof(p)) != sizeof(p) || p.local != COUNTS)
		fail("the parent has not counted", (long)p.local);
	spin(wait);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* The child is never killed by chance: either it speaks, or nobody has
	 * the pipe any more. */
	while (!c.who && read(ends[0], &w, sizeof(w)) == sizeof(w))
		if (w.who == 'c')
			c = w;
	check("wait", fusion_members_wait(arena, p.id, FUSION_FOREVER,
					  FUSION_WAIT_INTERRUPTIBLE));
	if (c.who && !c.id)
		fail("the child is not in", c.pid);
	if (c.who && c.local != COUNTS)
		fail("the child has not its parent's counts", (long)c.local);
	if (stat_of(ref).total != (c.who ? COUNTS : 0))
		fail("total", (long)stat_of(ref).total);
	if (stat_of(ref).falls != falls + !c.who)
		fail("falls", (long)(stat_of(ref).falls - falls));
	if (c.who)
		kill_and_wait(arena, &c);
	if (stat_of(ref).total || stat_of(ref).falls != falls + 1)
		fail("it has not fallen once", (long)stat_of(ref).total);
	close(ends[0]);
	return c.who != 0;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 1, children = 0;
	unsigned most = SPIN_MOST;
	struct fusion_arena *arena;
	struct fusion_ref *ref;

	if (argc < 2)
		return 2;
	srandom(1);
	setpgid(0, 0);
	arena = enter(argv[1], 0);
	check("create", fusion_ref_create(arena, "ref", NULL, &ref));
	for (unsigned i = 0; i < rounds; i++) {
		children += (unsigned)play(arena, argv[1], ref,
					   (unsigned)random() % most);
		/* A busy machine takes longer until there is a child. */
		if (!children && most < SPIN_END)
			most *= 2;
	}
	printf("%u rounds, %u children\n", rounds, children);
	check("exit", fusion_arena_exit(arena));
	return 0;
}
