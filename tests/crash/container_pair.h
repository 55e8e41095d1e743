/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The next user of two containers, between which the victim moves a value. */
#ifndef TESTS_CRASH_CONTAINER_PAIR_H
#define TESTS_CRASH_CONTAINER_PAIR_H

#include "tests/crash/stage.h"

void container_use_pair(const struct stage *s, struct fusion_arena *a);

#endif
