/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <malloc.h>
#include <stdlib.h>

#define MALLOC(n) malloc(n)
#define FREE(p) free(p)
#define REALLOC(p, old, n) realloc(p, n)
#define TRIM() malloc_trim(0)
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
