/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boost's mutex for shared memory (recursive). */
#include <new>

#include <boost/interprocess/sync/interprocess_recursive_mutex.hpp>

using mutex_t = boost::interprocess::interprocess_recursive_mutex;

static mutex_t *mutex;

#define LOCK() mutex->lock()
#define UNLOCK() mutex->unlock()
#define RECURSIVE 1

static void lock_create(void);
static void lock_enter(void);

#include "lock_load.h"

static void lock_create(void)
{
	void *p = mmap(NULL, sizeof(mutex_t), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		worker_fail("mmap", errno);
	mutex = new (p) mutex_t;
}

static void lock_enter(void)
{
}

int main()
{
	return lock_main(nullptr);
}
