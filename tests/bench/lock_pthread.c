/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Process-shared mutexes: `normal`, `robust`, or `recursive` (and robust). */
#include <stdbool.h>

#include <pthread.h>

static pthread_mutex_t *mutex;
static bool recursive;

#define LOCK() pthread_mutex_lock(mutex)
#define UNLOCK() pthread_mutex_unlock(mutex)
#define RECURSIVE recursive

static void lock_create(void);
static void lock_enter(void);

#include "lock_load.h"

static const char *kind;

static void lock_create(void)
{
	pthread_mutexattr_t attr;

	mutex = (pthread_mutex_t *)mmap(NULL, sizeof(*mutex),
					PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mutex == MAP_FAILED)
		worker_fail("mmap", errno);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (strcmp(kind, "normal"))
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	if (recursive)
		pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(mutex, &attr);
}

static void lock_enter(void)
{
}

int main(int argc, char **argv)
{
	kind = argc > 1 ? argv[1] : "normal";
	recursive = !strcmp(kind, "recursive");
	return lock_main(NULL);
}
