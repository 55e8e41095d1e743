/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Marks for AddressSanitizer and Valgrind, which see no blocks in an mmap
 *
 * ASan's functions are weak, so a plain libfusion marks its blocks in a program
 * that was built with ASan.  The shadow is private to a process.  So a free
 * poisons only blocks that no other process can allocate: those in slabs of the
 * freeing thread.  Before that thread gives a slab away, it opens the blocks.
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

/* Say whether a tool wants marks. */
static inline bool track_is_on(void)
{
#ifdef FUSION_VALGRIND
	if (RUNNING_ON_VALGRIND)
		return true;
#endif
	return __asan_poison_memory_region != NULL;
}

/* Mark a block as free, in a slab of this thread. */
static inline void track_freed(void *p, size_t n)
{
	if (__asan_poison_memory_region)
		__asan_poison_memory_region(p, n);
#ifdef FUSION_VALGRIND
	VALGRIND_MAKE_MEM_NOACCESS(p, n);
#endif
}

/* Mark a block as allocated by this thread. */
static inline void track_allocated(void *p, size_t n)
{
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(p, n);
#ifdef FUSION_VALGRIND
	VALGRIND_MAKE_MEM_UNDEFINED(p, n);
#endif
}

/* Clear all marks of a block: any process may use it from now on. */
static inline void track_open(void *p, size_t n)
{
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(p, n);
#ifdef FUSION_VALGRIND
	VALGRIND_MAKE_MEM_DEFINED(p, n);
#endif
}

#endif
