/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <mimalloc.h>

#define MALLOC(n) mi_malloc(n)
#define FREE(p) mi_free(p)
#define REALLOC(p, old, n) mi_realloc(p, n)
#define TRIM() mi_collect(true)
#define PEERS_FORK 0

static void heap_create(void)
{
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
