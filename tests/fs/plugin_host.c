/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host of plugins: loads the library, uses an arena, unloads the library
 *
 *   plugin_host LIBRARY HOW
 *
 *   thread    a thread used the arena and left it; the thread ends afterwards
 *   main      the main thread did, and ends with pthread_exit()
 *   dispatch  as thread, with a handler, and so with a thread of the library's
 *   inside    as thread, and nobody left the arena
 *   key       as thread, but the host's own destructor frees a block, later
 *             than the library's
 *   fork      as thread, and then the host forks
 *   again     as thread, and then the host loads it and uses it once more
 *
 * "ok" when nothing crashed.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fusion/fusion.h>

static struct {
	void *library;
	__typeof__(&fusion_arena_enter) enter;
	__typeof__(&fusion_arena_exit) leave;
	__typeof__(&fusion_malloc) allocate;
	__typeof__(&fusion_free) release;
	__typeof__(&fusion_message_handle) handle;
} f;

static const char *path, *how;
static pthread_barrier_t barrier;
static pthread_key_t key;
static struct fusion_arena *arena;

static bool is(const char *what)
{
	return !strcmp(how, what);
}

static void die(const char *what)
{
	fprintf(stderr, "plugin_host: %s\n", what);
	exit(1);
}

static void *find(const char *name)
{
	void *p = dlsym(f.library, name);

	if (!p)
		die(dlerror());
	return p;
}

static void load(void)
{
	f.library = dlopen(path, RTLD_NOW);
	if (!f.library)
		die(dlerror());
	*(void **)&f.enter = find("fusion_arena_enter");
	*(void **)&f.leave = find("fusion_arena_exit");
	*(void **)&f.allocate = find("fusion_malloc");
	*(void **)&f.release = find("fusion_free");
	*(void **)&f.handle = find("fusion_message_handle");
}

static void on_message(const struct fusion_message *m, void *ctx)
{
	(void)m;
	(void)ctx;
}

static void free_late(void *block)
{
	f.release(block);
}

static void use(void)
{
	void *p;

	if (f.enter("w", NULL, &arena) < 0)
		die("enter");
	p = f.allocate(arena, 100);
	if (!p)
		die("malloc");
	if (is("key"))
		pthread_setspecific(key, p);
	if (is("dispatch") &&
	    f.handle(arena, 1, on_message, NULL, NULL, NULL) < 0)
		die("handle");
	if (!is("inside") && !is("key") && f.leave(arena) < 0)
		die("exit");
}

static void *thread(void *unused)
{
	use();
	pthread_barrier_wait(&barrier); /* used */
	pthread_barrier_wait(&barrier); /* unloaded */
	return unused;
}

static void run_thread(void)
{
	pthread_t t;
	int status;
	pid_t pid;

	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&t, NULL, thread, NULL);
	pthread_barrier_wait(&barrier);
	dlclose(f.library);
	if (is("fork")) {
		pid = fork();
		if (!pid)
			_exit(0);
		if (waitpid(pid, &status, 0) != pid || status)
			die("the child crashed");
	}
	pthread_barrier_wait(&barrier);
	pthread_join(t, NULL);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	path = argv[1];
	how = argv[2];
	if (is("key"))
		pthread_key_create(&key, free_late);
	load();
	if (is("main")) {
		use();
		dlclose(f.library);
		puts("ok");
		fflush(stdout);
		pthread_exit(NULL);
	}
	run_thread();
	if (is("again")) {
		load();
		run_thread();
	}
	puts("ok");
	return 0;
}
