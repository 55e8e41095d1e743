/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handlers of fork(). */
#ifndef FUSION_FORK_H
#define FUSION_FORK_H

/* Register the handlers with pthread_atfork(), once. */
void fork_prepare_once(void);

#endif
