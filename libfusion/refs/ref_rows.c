/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/refs/ref_rows.h"

#include <sys/mman.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/sparse.h"

static size_t rows_size(const struct fusion_arena *a)
{
	return (size_t)a->view.geo.tables[KIND_REF].max * sizeof(uint32_t);
}

static void unmap_rows(const struct fusion_arena *a, uint32_t *rows)
{
	munmap((char *)rows - SPARSE_PAGE, SPARSE_PAGE + rows_size(a));
}

/* The array takes memory only for pages whose entries are written.  NULL: no
 * memory. */
uint32_t *ref_rows_of(struct fusion_arena *a)
{
	/* Acquire here, release below. */
	uint32_t *rows = load_acquire(&a->ref_rows), *none = NULL;
	void *p;

	if (rows)
		return rows;
	if (sparse_map(NULL, SPARSE_PAGE + rows_size(a),
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, &p) < 0)
		return NULL;
	sparse_guard(p);
	rows = (uint32_t *)((char *)p + SPARSE_PAGE);
	/* A thread that finds the array must find it mapped: release here,
	 * acquire at the top of this function; and the loser of this race
	 * acquires the winner's. */
	if (cas_acq_rel(&a->ref_rows, &none, rows))
		return rows;
	unmap_rows(a, rows);
	return load_acquire(&a->ref_rows);
}

void ref_rows_free(struct fusion_arena *a)
{
	if (a->ref_rows)
		unmap_rows(a, a->ref_rows);
	a->ref_rows = NULL;
}
