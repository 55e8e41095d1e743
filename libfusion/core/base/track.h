/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Marks for AddressSanitizer and Valgrind, which see no blocks in an mmap
 *
 * ASan's functions are weak: a plain libfusion marks its blocks in a program
 * that was built with ASan.  The shadow is private to a process, so a free
 * poisons only what no other process can allocate again: blocks in slabs of
 * the freeing thread.  They are opened before the slab is given away.
 *
 * Fast paths mark nothing: they are not taken when track_is_on().
 */
#ifndef FUSION_CORE_TRACK_H
#define FUSION_CORE_TRACK_H

#include <stdbool.h>
#include <stddef.h>

#ifdef FUSION_VALGRIND
#include <valgrind/memcheck.h>
#endif

void __asan_poison_memory_region(const volatile void *p, size_t n)
	__attribute__((weak));
void __asan_unpoison_memory_region(const volatile void *p, size_t n)
	__attribute__((weak));

static inline bool track_is_on(void)
{
#ifdef FUSION_VALGRIND
	if (RUNNING_ON_VALGRIND)
		return true;
#endif
	return __asan_poison_memory_region != NULL;
}

/* Free, and mine alone. */
static inline void track_freed(void *p, size_t n)
{
	if (__asan_poison_memory_region)
		__asan_poison_memory_region(p, n);
#ifdef FUSION_VALGRIND
	VALGRIND_MAKE_MEM_NOACCESS(p, n);
#endif
}

/* Allocated here. */
static inline void track_allocated(void *p, size_t n)
{
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(p, n);
#ifdef FUSION_VALGRIND
	VALGRIND_MAKE_MEM_UNDEFINED(p, n);
#endif
}

/* Anybody may use it from now on. */
static inline void track_open(void *p, size_t n)
{
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(p, n);
#ifdef FUSION_VALGRIND
	VALGRIND_MAKE_MEM_DEFINED(p, n);
#endif
}

#endif
