/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/ledger.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libfusion/core/base/atomic.h"

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("Bail out! ", stdout);
	vprintf(fmt, ap);
	putchar('\n');
	fflush(stdout);
	va_end(ap);
	_exit(99);
}

struct ledger *ledger_create(void)
{
	struct ledger *l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (l == MAP_FAILED)
		die("no memory for the ledger");
	return l;
}

void *ledger_keep(struct ledger_list *list, void *p)
{
	if (!p)
		return NULL;
	if (list->n == LEDGER_BLOCKS)
		die("the ledger is full");
	list->block[list->n] = p;
	compiler_fence();
	store_relaxed(&list->n, list->n + 1);
	compiler_fence();
	return p;
}

void *ledger_drop(struct ledger_list *list, void *p)
{
	for (uint32_t i = 0; i < list->n; i++) {
		if (list->block[i] != p)
			continue;
		list->block[i] = list->block[list->n - 1];
		compiler_fence();
		store_relaxed(&list->n, list->n - 1);
		compiler_fence();
		return p;
	}
	die("%p is not in the ledger", p);
}

struct ledger_field *ledger_field(struct ledger *l, const char *name)
{
	struct ledger_field *f = l->fields;

	for (uint32_t i = 0; i < l->n_fields; i++, f++)
		if (!strcmp(f->name, name))
			return f;
	if (l->n_fields == LEDGER_FIELDS)
		die("the ledger is full of fields");
	snprintf(f->name, sizeof(f->name), "%s", name);
	l->n_fields++;
	return f;
}

struct ledger_lock *ledger_lock(struct ledger *l, uint32_t kind,
				const char *name)
{
	struct ledger_lock *k = l->locks;

	for (uint32_t i = 0; i < l->n_locks; i++, k++)
		if (k->kind == kind && !strcmp(k->name, name))
			return k;
	if (l->n_locks == LEDGER_LOCKS)
		die("the ledger is full");
	*k = (struct ledger_lock){.kind = kind};
	strncpy(k->name, name, ENTRY_NAME_MAX);
	l->n_locks++;
	return k;
}

struct ledger_ref *ledger_ref(struct ledger *l, const char *name)
{
	struct ledger_ref *k = l->refs;

	for (uint32_t i = 0; i < l->n_refs; i++, k++)
		if (!strcmp(k->name, name))
			return k;
	if (l->n_refs == LEDGER_REFS)
		die("the ledger is full");
	*k = (struct ledger_ref){0};
	strncpy(k->name, name, ENTRY_NAME_MAX);
	l->n_refs++;
	return k;
}

void ledger_claim(uint32_t *claim, enum claim to)
{
	compiler_fence();
	store_relaxed(claim, to);
	compiler_fence();
}
