/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/delay.h"

const struct scene call_scenes[1];
const unsigned n_call_scenes;
