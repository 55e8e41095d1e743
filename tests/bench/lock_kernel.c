/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks that the kernel keeps: `flock` on a file of a tmpfs, or `semop`, a
 * System V semaphore that is given back at death (SEM_UNDO). */
#include <stdbool.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/sem.h>

static bool by_semop;
static int fd = -1, sem = -1;
static char path[64];

static void sem_add(short n)
{
	struct sembuf op = {.sem_op = n, .sem_flg = SEM_UNDO};

	semop(sem, &op, 1);
}

#define LOCK() (by_semop ? sem_add(-1) : (void)flock(fd, LOCK_EX))
#define UNLOCK() (by_semop ? sem_add(1) : (void)flock(fd, LOCK_UN))
#define RECURSIVE 0

static void lock_create(void);
static void lock_enter(void);

#include "lock_load.h"

static void lock_create(void)
{
	snprintf(path, sizeof(path), "/dev/shm/fusion-bench-lock.%d",
		 (int)getpid());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		worker_fail(path, errno);
	if (!by_semop)
		return;
	sem = semget(IPC_PRIVATE, 1, 0600);
	if (sem < 0)
		worker_fail("semget", errno);
	sem_add(1);
}

/* A description of its own, or it would have the lock, too. */
static void lock_enter(void)
{
	close(fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		worker_fail(path, errno);
}

static void clean_up(void)
{
	unlink(path);
	if (sem >= 0)
		semctl(sem, 0, IPC_RMID);
}

int main(int argc, char **argv)
{
	int r;

	by_semop = argc > 1 && !strcmp(argv[1], "semop");
	r = lock_main(NULL);
	clean_up();
	return r;
}
