/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/delay.h"

const struct scene object_scenes[1];
const unsigned n_object_scenes;
