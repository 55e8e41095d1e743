/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Atomic access to shared words, with the memory order in the name
 *
 * Shared structs hold plain integers, so that two builds and two languages
 * agree on their bytes.  Code reaches words that several threads write through
 * these wrappers and nothing else.  There is no sequentially consistent form:
 * code that needs one uses full_fence(), and a drawing shows why.
 *
 * compiler_fence() orders the stores of one thread as a later observer of its
 * death sees them.  A killed thread leaves a prefix of its program order, since
 * the kernel's notice of death drains its store buffer.  So announce, commit
 * and finish need nothing more than that the compiler keeps their order.
 */
#ifndef FUSION_CORE_ATOMIC_H
#define FUSION_CORE_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#define load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define xchg_acquire(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
#define xchg_release(p, v) __atomic_exchange_n((p), (v), __ATOMIC_RELEASE)
#define add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define sub_relaxed(p, v) __atomic_fetch_sub((p), (v), __ATOMIC_RELAXED)
#define or_relaxed(p, v) __atomic_fetch_or((p), (v), __ATOMIC_RELAXED)
#define or_acq_rel(p, v) __atomic_fetch_or((p), (v), __ATOMIC_ACQ_REL)
#define and_acq_rel(p, v) __atomic_fetch_and((p), (v), __ATOMIC_ACQ_REL)
#define add_release(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELEASE)
#define xor_release(p, v) __atomic_fetch_xor((p), (v), __ATOMIC_RELEASE)

/* Compare-and-swap, strong: true if *p was *want, and now it is v; else *want
 * is what *p was.  The name has the order of success; failure is relaxed. */
#define cas_relaxed(p, want, v)                                                \
	__atomic_compare_exchange_n((p), (want), (v), false, __ATOMIC_RELAXED, \
				    __ATOMIC_RELAXED)
#define cas_acquire(p, want, v)                                                \
	__atomic_compare_exchange_n((p), (want), (v), false, __ATOMIC_ACQUIRE, \
				    __ATOMIC_RELAXED)
#define cas_release(p, want, v)                                                \
	__atomic_compare_exchange_n((p), (want), (v), false, __ATOMIC_RELEASE, \
				    __ATOMIC_RELAXED)
#define cas_acq_rel(p, want, v)                                                \
	__atomic_compare_exchange_n((p), (want), (v), false, __ATOMIC_ACQ_REL, \
				    __ATOMIC_RELAXED)

#define compiler_fence() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* Make the stores before the fence visible before the loads behind it are done:
 * for two threads that each set a word and then read the other's. */
#define full_fence() __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* Keep the loads before the fence before the loads behind it: a thread that
 * copies words which others may write checks afterwards whether they did. */
#define acquire_fence() __atomic_thread_fence(__ATOMIC_ACQUIRE)

/* Make the stores before the fence visible before the stores behind it: the
 * partner of acquire_fence(). */
#define release_fence() __atomic_thread_fence(__ATOMIC_RELEASE)

/* Tell the processor that this thread polls. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#endif
