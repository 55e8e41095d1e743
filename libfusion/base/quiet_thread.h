/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads of the library's: no signal comes there, as signals are the
 * application's business. */
#ifndef FUSION_QUIET_THREAD_H
#define FUSION_QUIET_THREAD_H

#include <pthread.h>

/* 0, -errno. */
int quiet_thread_start(pthread_t *ret, void *(*fn)(void *), void *arg);

#endif
