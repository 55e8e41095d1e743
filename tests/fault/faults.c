/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * faults: each thing that the system can refuse, refused once at each moment
 *
 *   faults [--long] [--spread N] [--only CLASS] [--n N] [--from N] [--keep]
 *          member|daemon
 *
 * One run is a whole life: of a member (life.c), or of a daemon.  A first run
 * without a fault counts the calls of a class.  Then there is one run for each
 * of these calls, in which it fails; without --long for the first and the last
 * call of each place in the code, and for N that are evenly spread.  A run has
 * 20 seconds.  It fails
 *
 *  - if a program crashes, hangs or says that something is wrong;
 *  - if something fails in a way that is not promised, or fails twice;
 *  - if a descriptor, a thread, a mount, a file or a block of the heap is left.
 *
 * Prints TAP, and a table at the end.
 */
#include "tests/fault/life.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LIMIT_S 20    /* a run */
#define PATIENCE 8000 /* ms: something that must happen */
#define QUICK 24      /* runs for each row, without --long */

static const struct row {
	const char *name;
	enum fault_class class;
	int error;
	int64_t jump_ns;
	bool each; /* one more run, in which one call in four fails */
} rows[] = {
	{"memory", FAULT_ALLOC, ENOMEM, 0, false},
	{"libfuse", FAULT_LIBFUSE, ENOMEM, 0, false},
	{"descriptors", FAULT_FD, EMFILE, 0, false},
	{"machine", FAULT_FD, ENFILE, 0, false},
	{"threads", FAULT_THREAD, EAGAIN, 0, false},
	{"mappings", FAULT_MAP, ENOMEM, 0, false},
	{"space", FAULT_SPACE, ENOSPC, 0, false},
	{"watches", FAULT_WATCH, ENOMEM, 0, false},
	{"signals", FAULT_EINTR, EINTR, 0, true},
	{"short", FAULT_SHORT, 0, 0, true},
	{"forward", FAULT_CLOCK, 0, 3600000000000, false},
	{"back", FAULT_CLOCK, 0, -3600000000000, false},
	{"stopped", FAULT_STOP, 0, 0, false},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool of_daemon, keep;
static char top[PATH_MAX], mnt[PATH_MAX], backing[64];
static struct fault_control *control;
static pid_t daemon_pid;

/* What a first life without a fault has left, or had. */
static struct {
	char left[64];
	int fds, tasks;
} usual;

/* --- Runs say what is wrong ----------------------------------------------- */

__attribute__((format(printf, 1, 2), noreturn)) static void
bad(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "faults: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	fflush(stderr);
	_exit(1);
}

static bool take_excuse(void)
{
	uint32_t fired = __atomic_load_n(&control->fired, __ATOMIC_ACQUIRE),
		 excused = __atomic_load_n(&control->excused, __ATOMIC_RELAXED);

	return excused < fired &&
	       __atomic_compare_exchange_n(&control->excused, &excused, fired,
					   false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

/* What a request to the daemon may fail with, for a fault: fusionfs(5). */
bool has_failed(const char *name, int r)
{
	if (r >= 0)
		return false;
	r = -errno;
	if (!take_excuse())
		bad("%s: %s, without a fault", name, strerrorname_np(-r));
	if (r != -ENOMEM && r != -EMFILE && r != -ENFILE && r != -ENOSPC &&
	    r != -EAGAIN && r != -EINTR)
		bad("%s: %s is not promised (%s has failed)", name,
		    strerrorname_np(-r), control->call);
	__atomic_fetch_add(&control->refused, 1, __ATOMIC_RELAXED);
	return true;
}

#define DO(name, call)                                     \
	({                                                 \
		long r_;                                   \
                                                           \
		do                                         \
			r_ = (long)(call);                 \
		while (has_failed(name, r_ < 0 ? -1 : 0)); \
		r_;                                        \
	})

static void must(bool holds, const char *what)
{
	if (!holds)
		bad("%s: %s", what, strerror(errno));
}

static void wait_until(bool (*holds)(void), const char *what)
{
	for (int i = 0; i < PATIENCE; i++) {
		if (holds())
			return;
		usleep(1000);
	}
	bad("waited in vain until %s", what);
}

/* --- Programs ------------------------------------------------------------- */

static const char *path_of(const char *variable)
{
	const char *path = getenv(variable);

	if (!path)
		bad("%s is not set", variable);
	return path;
}

/* Start a program, with the interposer if it is the one that is to suffer. */
static pid_t start(bool suffers, const char *in, const char *out,
		   const char *const *argv)
{
	const char *asan = getenv("ASAN_OPTIONS");
	char options[256], said[PATH_MAX + 16];
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(options, sizeof(options), "%s:verify_asan_link_order=0",
		 asan ? asan : "");
	setenv("ASAN_OPTIONS", options, 1);
	snprintf(said, sizeof(said), "%s/%s", top, out);
	if (!freopen(in, "r", stdin) || !freopen(said, "a", stdout))
		_exit(126);
	snprintf(said, sizeof(said), "%s/%s.err", top, out);
	if (!freopen(said, "a", stderr))
		_exit(126);
	if (suffers)
		setenv("LD_PRELOAD", path_of("FAULT_SO"), 1);
	execv(argv[0], (char *const *)argv);
	_exit(127);
}

static void must_end(pid_t pid, const char *what)
{
	int status;

	must(waitpid(pid, &status, 0) == pid, what);
	if (status)
		bad("%s ended with status 0x%x", what, (unsigned)status);
}

static bool is_mounted(void)
{
	struct stat here, above;
	char parent[PATH_MAX + 4];

	snprintf(parent, sizeof(parent), "%s/..", mnt);
	return stat(mnt, &here) == 0 && stat(parent, &above) == 0 &&
	       here.st_dev != above.st_dev;
}

static bool is_said(const char *out)
{
	char path[PATH_MAX + 16];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", top, out);
	return stat(path, &st) == 0 && st.st_size > 0;
}

/* Mount.  False if the daemon has said why it cannot. */
static bool mount_once(bool suffers)
{
	char option[128];
	const char *const argv[] = {
		path_of("FUSIONFS"), "-f", "-o", option, mnt, NULL};
	int status;

	snprintf(option, sizeof(option), "backing=%s", backing);
	daemon_pid = start(suffers, "/dev/null", "daemon", argv);
	for (int i = 0; i < PATIENCE; i++) {
		if (is_mounted())
			return true;
		if (waitpid(daemon_pid, &status, WNOHANG) == daemon_pid) {
			if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
				bad("fusionfs ended with status 0x%x",
				    (unsigned)status);
			must(is_said("daemon.err"), "fusionfs says not why");
			must(!is_mounted(), "the mount is left");
			return false;
		}
		usleep(1000);
	}
	bad("fusionfs neither mounts nor ends");
}

static void mount_up(bool suffers)
{
	if (mount_once(suffers))
		return;
	must(take_excuse(), "fusionfs does not start, without a fault");
	must(mount_once(suffers), "fusionfs does not start the second time");
}

static void mount_down(void)
{
	for (int i = 0; umount2(mnt, 0) < 0; i++) {
		must(errno == EBUSY && i < PATIENCE, "umount");
		usleep(1000);
	}
	must_end(daemon_pid, "fusionfs");
	must(rmdir(backing) == 0 || errno == ENOENT, "the backing directory");
}

static void proc_of_daemon(const char *what, char path[64])
{
	snprintf(path, 64, "/proc/%d/%s", (int)daemon_pid, what);
}

static void daemon_is_as_usual(void)
{
	char path[64];

	proc_of_daemon("fd", path);
	for (int i = 0; i < PATIENCE && entries_of(path) > usual.fds; i++)
		usleep(1000);
	if (entries_of(path) > usual.fds)
		bad("fusionfs has %d descriptors, usually %d", entries_of(path),
		    usual.fds);
	proc_of_daemon("task", path);
	for (int i = 0; i < PATIENCE && entries_of(path) > usual.tasks; i++)
		usleep(1000);
	if (entries_of(path) > usual.tasks)
		bad("fusionfs has %d threads, usually %d", entries_of(path),
		    usual.tasks);
}

static void note_usual_daemon(void)
{
	char path[64];

	proc_of_daemon("fd", path);
	usual.fds = entries_of(path);
	proc_of_daemon("task", path);
	usual.tasks = entries_of(path);
}

/* --- A member's life ------------------------------------------------------ */

static bool is_arena_gone(void)
{
	char path[PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/a", mnt);
	return access(path, F_OK) < 0 && errno == ENOENT;
}

static void read_said(const char *out, char *line, size_t size)
{
	char path[PATH_MAX + 16];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", top, out);
	f = fopen(path, "r");
	must(f && fgets(line, (int)size, f), out);
	fclose(f);
}

static void live_as_member(void)
{
	const char *const argv[] = {path_of("FAULT_LIFE"), "whole", "a", NULL};
	char line[64];

	must_end(start(true, "/dev/null", "life", argv), "life");
	read_said("life", line, sizeof(line));
	if (usual.left[0] && strcmp(line, usual.left))
		bad("of the heap: %s, usually %s", line, usual.left);
	wait_until(is_arena_gone, "the arena is gone");
	if (usual.fds)
		daemon_is_as_usual();
}

/* --- A daemon's life ------------------------------------------------------ */

static char *in_mnt(const char *path)
{
	static char whole[2 * PATH_MAX];

	snprintf(whole, sizeof(whole), "%s/%s", mnt, path);
	return whole;
}

/* Read what a file has now. */
static void cat(const char *path)
{
	char bytes[4096];
	ssize_t n;
	int fd;

	fd = (int)DO(path, open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	for (int i = 0; i < 4; i++) {
		n = read(fd, bytes, sizeof(bytes));
		if (n == 0 || (n < 0 && errno == EAGAIN))
			break;
		if (!has_failed(path, (int)n))
			continue;
	}
	close(fd);
}

static bool is_written_only(const char *name)
{
	return !strcmp(name, "inbox") || !strcmp(name, "dispatch");
}

/* List and read everything below a directory. */
static void look(const char *path)
{
	char below[2 * PATH_MAX];
	struct dirent *e;
	struct stat st;
	DIR *d;

	while (!(d = opendir(path)))
		has_failed(path, -1);
	while (errno = 0, (e = readdir(d)) || errno) {
		if (!e) {
			has_failed(path, -1);
			rewinddir(d);
			continue;
		}
		if (e->d_name[0] == '.' || is_written_only(e->d_name))
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, e->d_name);
		DO(below, lstat(below, &st));
		if (S_ISDIR(st.st_mode))
			look(below);
		else if (S_ISREG(st.st_mode))
			cat(below);
		else if (S_ISLNK(st.st_mode))
			DO(below, readlink(below, (char[64]){0}, 64));
	}
	closedir(d);
}

static void await_input(int fd, const char *what)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	must(poll(&p, 1, PATIENCE) == 1, what);
}

static void speak(const char *path, const char *text)
{
	int fd = (int)DO(path, open(in_mnt(path), O_WRONLY | O_CLOEXEC));

	DO(path, write(fd, text, strlen(text)));
	close(fd);
}

static void ask_call(void)
{
	char bytes[64];
	int fd = (int)DO("call",
			 open(in_mnt("a/calls/call"), O_RDWR | O_CLOEXEC));

	DO("call", write(fd, "word", 4));
	await_input(fd, "the answer of a call");
	must(DO("call", read(fd, bytes, sizeof(bytes))) > 0, "an empty answer");
	close(fd);
}

static void hear_reactor(void)
{
	char bytes[64];
	int fd = (int)DO("stream", open(in_mnt("a/reactors/reactor/stream"),
					O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	struct pollfd p = {.fd = fd, .events = POLLIN};

	ssize_t n;

	/* It listens from its first poll on, unless that fails. */
	while (poll(&p, 1, 0) != 0) {
		n = read(fd, bytes, sizeof(bytes));
		must(n < 0, "an early message");
		has_failed("stream", -1);
	}
	/* A message that does not fit into memory is lost, and we are told. */
	do {
		speak("a/reactors/reactor/dispatch", "hello");
		await_input(fd, "a message of the reactor");
		n = read(fd, bytes, sizeof(bytes));
	} while (has_failed("stream", n < 0 ? -1 : 0));
	must(n > 0, "an empty message");
	close(fd);
}

static void lock_file(const char *path)
{
	int fd = (int)DO(path, open(in_mnt(path), O_RDWR | O_CLOEXEC));

	DO(path, flock(fd, LOCK_EX));
	DO(path, flock(fd, LOCK_UN));
	DO(path, flock(fd, LOCK_EX));
	close(fd);
}

/* A shell purchases the property, and the member that is told kills it. */
static void hold_up(int member)
{
	pid_t shell;
	int ends[2], fd;
	char byte;

	must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	shell = fork();
	if (!shell) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = (int)DO("property", open(in_mnt("a/properties/property"),
					      O_RDWR | O_CLOEXEC));
		DO("property", write(fd, "purchase", 8));
		must(write(ends[1], "", 1) == 1, "write");
		pause();
	}
	close(ends[1]);
	must(read(ends[0], &byte, 1) == 1, "the shell does not purchase");
	close(ends[0]);
	must(write(member, "", 1) == 1, "write");
	must(waitpid(shell, &(int){0}, 0) == shell, "waitpid");
}

/* A member stays as long as we have the other end of its input. */
static pid_t have_member(const char *arena, const char *out, int *ret_end)
{
	const char *const argv[] = {path_of("FAULT_LIFE"), "stay", arena, NULL};
	int ends[2], status;
	char in[32];
	pid_t pid;

	must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	snprintf(in, sizeof(in), "/dev/fd/%d", ends[0]);
	pid = start(false, in, out, argv);
	for (int i = 0; i < PATIENCE && !is_said(out); i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			bad("a member ended with status 0x%x",
			    (unsigned)status);
		usleep(1000);
	}
	must(is_said(out), "a member is not ready");
	close(ends[0]);
	*ret_end = ends[1];
	return pid;
}

static bool is_a_there(void)
{
	struct stat st;

	return stat(in_mnt("a/members/1/pid"), &st) == 0;
}

/* Kill the daemon, and mount again under the member. */
static void restart_daemon(void)
{
	kill(daemon_pid, SIGKILL);
	must(waitpid(daemon_pid, NULL, 0) == daemon_pid, "waitpid");
	mount_up(true);
	/* What could not be read is read again. */
	wait_until(is_a_there, "the new daemon knows the member");
}

static bool is_b_gone(void)
{
	struct stat st;

	return stat(in_mnt("b"), &st) < 0 && errno == ENOENT;
}

static bool is_made_empty(void)
{
	return rmdir(in_mnt("made")) == 0 || errno != EBUSY;
}

static void live_as_daemon(void)
{
	int end, end_b, end_made;
	pid_t member, killed, in_made;

	mount_up(true);
	DO("mkdir", mkdir(in_mnt("made"), 0755));
	member = have_member("a", "member", &end);
	look(mnt);
	speak("a/limit", "1G");
	speak("a/members/1/inbox.7", "hello");
	ask_call();
	hear_reactor();
	lock_file("a/skirmishes/lock");
	lock_file("a/properties/property");
	hold_up(end);
	restart_daemon();
	look(mnt);
	ask_call();
	lock_file("a/skirmishes/lock");
	in_made = have_member("made", "made", &end_made);
	killed = have_member("b", "killed", &end_b);
	kill(killed, SIGKILL);
	waitpid(killed, &(int){0}, 0);
	close(end_b);
	wait_until(is_b_gone, "the arena of a killed member is gone");
	look(mnt);
	close(end);
	must_end(member, "a member");
	wait_until(is_arena_gone, "the arena is gone");
	close(end_made);
	must_end(in_made, "a member");
	wait_until(is_made_empty, "rmdir works");
	if (access(in_mnt("made"), F_OK) == 0)
		DO("rmdir", rmdir(in_mnt("made")));
	if (usual.fds)
		daemon_is_as_usual();
	else
		note_usual_daemon();
	mount_down();
}

/* --- One run -------------------------------------------------------------- */

static void make_backing(void)
{
	strcpy(backing, "/dev/shm/fusion-fault.XXXXXX");
	must(mkdtemp(backing), "mkdtemp");
}

static void forget_said(void)
{
	static const char *const outs[] = {"daemon", "life", "member",
					   "made",   "try",  "killed"};
	char path[PATH_MAX + 16];

	for (size_t i = 0; i < sizeof(outs) / sizeof(outs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, outs[i]);
		unlink(path);
		snprintf(path, sizeof(path), "%s/%s.err", top, outs[i]);
		unlink(path);
	}
}

static void show_said(void)
{
	char command[PATH_MAX + 64];

	snprintf(command, sizeof(command),
		 "cd %s && tail -n 25 -- *.err 2>/dev/null | sed 's/^/#   /'",
		 top);
	fflush(stdout);
	if (system(command))
		printf("# (cannot show what was said)\n");
}

static void remove_backing(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", backing);
	if (system(command))
		printf("# cannot remove %s\n", backing);
}

/* Somebody has stopped.  Others have their time-outs; then it goes on. */
static bool look_at_stopped(void)
{
	const char *const argv[] = {path_of("FAULT_LIFE"), "try", "a", NULL};
	pid_t pid = start(false, "/dev/null", "try", argv);
	int status;

	waitpid(pid, &status, 0);
	kill(control->pid, SIGCONT);
	return status == 0;
}

/* Live in a process group of its own, for a limited time. */
static bool live(void)
{
	bool stopped = false;
	int status = 0, pipes[2];
	pid_t run, done = 0;

	forget_said();
	if (of_daemon)
		make_backing();
	must(pipe2(pipes, O_CLOEXEC) == 0, "pipe");
	fflush(NULL);
	run = fork();
	if (!run) {
		char said[PATH_MAX + 16];

		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(said, sizeof(said), "%s/life.err", top);
		if (!freopen(said, "a", stderr))
			_exit(1);
		if (of_daemon)
			live_as_daemon();
		else
			live_as_member();
		must(write(pipes[1], &usual, sizeof(usual)) == sizeof(usual),
		     "write");
		_exit(0);
	}
	setpgid(run, run);
	for (int i = 0; i < LIMIT_S * 1000 && !done; i++) {
		done = waitpid(run, &status, WNOHANG);
		usleep(1000);
		if (control->armed != FAULT_STOP || stopped ||
		    !__atomic_load_n(&control->fired, __ATOMIC_ACQUIRE))
			continue;
		stopped = true;
		if (!look_at_stopped())
			break;
	}
	if (done && !status) {
		if (!usual.fds && of_daemon)
			must(read(pipes[0], &usual, sizeof(usual)) ==
				     sizeof(usual),
			     "read");
		close(pipes[0]);
		close(pipes[1]);
		return true;
	}
	if (!done)
		printf("# hangs\n");
	if (!done && keep) {
		printf("# kept: run %d, %s\n", (int)run, top);
		fflush(stdout);
		pause();
	}
	kill(-run, SIGKILL);
	if (!done)
		waitpid(run, NULL, 0);
	close(pipes[0]);
	close(pipes[1]);
	return false;
}

static void clean_up_after_failure(void)
{
	if (!of_daemon)
		return;
	umount2(mnt, MNT_DETACH);
	remove_backing();
}

static void renew_daemon(void)
{
	if (of_daemon)
		return;
	kill(daemon_pid, SIGKILL);
	waitpid(daemon_pid, NULL, 0);
	umount2(mnt, MNT_DETACH);
	remove_backing();
	forget_said();
	make_backing();
	mount_up(false);
	note_usual_daemon();
}

static bool run(const struct row *row, uint32_t n)
{
	bool good;

	*control = (struct fault_control){
		.armed = row->class,
		.wanted = n,
		.error = row->error,
		.jump_ns = row->jump_ns,
	};
	good = live();
	control->armed = FAULT_NONE;
	if (good)
		return true;
	printf("# %s %s %u: %s at 0x%llx (%u faults, %u refused)\n",
	       of_daemon ? "daemon" : "member", row->name, n, control->call,
	       (unsigned long long)control->at, control->fired,
	       control->refused);
	show_said();
	clean_up_after_failure();
	renew_daemon();
	return false;
}

/* --- All runs ------------------------------------------------------------- */

struct score {
	uint32_t calls, sites, runs, faults, refused, failures;
};

static void score(struct score *s, bool good)
{
	s->runs++;
	s->faults += control->fired;
	s->refused += control->refused;
	s->failures += !good;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Choose calls: the first and the last of each place in the code, and @most
 * that are evenly spread.  Returns how many. */
static size_t choose(uint32_t calls, uint32_t most, uint32_t *chosen)
{
	size_t n = 0, kept = 0;

	for (uint32_t i = 0; i < control->n_sites; i++) {
		chosen[n++] = control->sites[i].first;
		chosen[n++] = control->sites[i].last;
	}
	for (uint32_t i = 0; i < most; i++)
		chosen[n++] = 1 + (uint32_t)((uint64_t)i * calls / most);
	qsort(chosen, n, sizeof(*chosen), compare_numbers);
	for (size_t i = 0; i < n; i++)
		if (!kept || chosen[i] != chosen[kept - 1])
			chosen[kept++] = chosen[i];
	return kept;
}

static void run_row(const struct row *row, uint32_t from, uint32_t most,
		    struct score *s)
{
	uint32_t *chosen;
	size_t n;

	score(s, run(row, 0));
	s->calls = control->seen;
	s->sites = control->n_sites;
	if (!s->calls)
		return;
	/* In a long run, each call. */
	most = most < s->calls ? most : s->calls;
	chosen = calloc(2 * FAULT_SITES + most, sizeof(*chosen));
	must(chosen, "calloc");
	n = choose(s->calls, most, chosen);
	for (size_t i = 0; i < n; i++)
		if (chosen[i] >= from)
			score(s, run(row, chosen[i]));
	free(chosen);
	if (row->each)
		score(s, run(row, FAULT_EACH));
}

static void make_world(void)
{
	const char *tmp = getenv("TMPDIR");
	char path[PATH_MAX + 16];
	int fd;

	snprintf(top, sizeof(top) - 16, "%s/fusion-fault.XXXXXX",
		 tmp ? tmp : "/tmp");
	must(mkdtemp(top), "mkdtemp");
	snprintf(mnt, sizeof(mnt), "%.*s/mnt", PATH_MAX - 8, top);
	must(mkdir(mnt, 0755) == 0, "mkdir");
	setenv("FUSION_MOUNT", mnt, 1);
	snprintf(path, sizeof(path), "%s/control", top);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	must(fd >= 0 && ftruncate(fd, sizeof(*control)) == 0, "control");
	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);
	must(control != MAP_FAILED, "mmap");
	close(fd);
	setenv("FAULT_CONTROL", path, 1);
}

static void end_world(void)
{
	char command[PATH_MAX + 16];

	forget_said();
	rmdir(mnt);
	snprintf(command, sizeof(command), "%s/control", top);
	unlink(command);
	must(rmdir(top) == 0, top);
}

/* A life without a fault, to compare with. */
static void learn_what_is_usual(void)
{
	static const struct row none = {"nothing", FAULT_NONE, 0, 0, false};

	if (!of_daemon) {
		make_backing();
		mount_up(false);
		note_usual_daemon();
	}
	if (!run(&none, 0))
		exit(1);
	if (!of_daemon)
		read_said("life", usual.left, sizeof(usual.left));
}

static int usage(void)
{
	fprintf(stderr,
		"Usage: faults [--long] [--spread N] [--only CLASS] [--n N] [--from N] [--keep] member|daemon\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct score scores[ROWS] = {0};
	const char *only = NULL, *side = NULL;
	uint32_t most = QUICK, from = 0, single = 0, failures = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--long"))
			most = UINT32_MAX;
		else if (!strcmp(argv[i], "--keep"))
			keep = true;
		else if (i + 1 < argc && !strcmp(argv[i], "--spread"))
			most = (uint32_t)strtoul(argv[++i], NULL, 0);
		else if (i + 1 < argc && !strcmp(argv[i], "--n"))
			single = (uint32_t)strtoul(argv[++i], NULL, 0);
		else if (i + 1 < argc && !strcmp(argv[i], "--from"))
			from = (uint32_t)strtoul(argv[++i], NULL, 0);
		else if (i + 1 < argc && !strcmp(argv[i], "--only"))
			only = argv[++i];
		else
			side = argv[i];
	}
	if (!side || (strcmp(side, "member") && strcmp(side, "daemon")) ||
	    !most)
		return usage();
	if (access("/dev/fuse", R_OK | W_OK) < 0 || geteuid() != 0) {
		printf("1..0 # SKIP needs root and /dev/fuse\n");
		return 0;
	}
	of_daemon = !strcmp(side, "daemon");
	make_world();
	learn_what_is_usual();
	printf("1..%zu\n", ROWS);
	for (size_t i = 0; i < ROWS; i++) {
		struct score *s = &scores[i];

		if (only && strcmp(only, rows[i].name))
			continue;
		if (single)
			score(s, run(&rows[i], single));
		else
			run_row(&rows[i], from, most, s);
		printf("%s %zu - %s: %s: %u calls, %u runs, %u failures\n",
		       s->failures ? "not ok" : "ok", i + 1, side, rows[i].name,
		       s->calls, s->runs, s->failures);
		fflush(stdout);
		failures += s->failures;
	}
	if (!of_daemon)
		mount_down();
	printf("# %-12s %-7s %6s %6s %6s %7s %8s %9s\n", "fault", "side",
	       "calls", "sites", "runs", "faults", "refused", "failures");
	for (size_t i = 0; i < ROWS; i++)
		printf("# %-12s %-7s %6u %6u %6u %7u %8u %9u\n", rows[i].name,
		       side, scores[i].calls, scores[i].sites, scores[i].runs,
		       scores[i].faults, scores[i].refused, scores[i].failures);
	end_world();
	return failures > 0;
}
