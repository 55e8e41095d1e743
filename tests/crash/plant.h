/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bugs of libfusion/core/base/seed.h, in the builds that have them. */
#ifndef TESTS_CRASH_PLANT_H
#define TESTS_CRASH_PLANT_H

/* Plant bug @bug from now on, and return its number.  Dies in a build that has
 * none. */
int plant_bug(int bug);

#endif
