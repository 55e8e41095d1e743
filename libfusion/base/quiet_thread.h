/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Quiet threads: threads of the library, which take no signals, as signals are
 * the application's business. */
#ifndef FUSION_QUIET_THREAD_H
#define FUSION_QUIET_THREAD_H

#include <pthread.h>

/* Start a quiet thread.  0; -ENOMEM the system starts none. */
int quiet_thread_start(pthread_t *ret, void *(*fn)(void *), void *arg);

#endif
