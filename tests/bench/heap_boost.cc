/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boost's heap in shared memory; its consumer inherits the mapping. */
#include <boost/interprocess/managed_shared_memory.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include <unistd.h>

#define SEGMENT_SIZE (256ul << 20)

namespace ipc = boost::interprocess;

static ipc::managed_shared_memory *segment;

static void *grow(void *p, size_t old, size_t n)
{
	void *q = segment->allocate(n);

	memcpy(q, p, old < n ? old : n);
	segment->deallocate(p);
	return q;
}

#define MALLOC(n) segment->allocate(n)
#define FREE(p) segment->deallocate(p)
#define REALLOC(p, old, n) grow(p, old, n)
#define TRIM() ((void)0)
#define PEERS_FORK 1

/* The name goes at once: whatever happens, nothing stays. */
static void heap_create(void)
{
	std::string name = "fusion-bench-" + std::to_string(getpid());

	segment = new ipc::managed_shared_memory(ipc::create_only, name.c_str(),
						 SEGMENT_SIZE);
	ipc::shared_memory_object::remove(name.c_str());
}

static void heap_enter(void)
{
}

static void heap_leave(void)
{
}

#include "heap_load.h"

int main(int argc, char **argv)
{
	return heap_main(argc, argv);
}
