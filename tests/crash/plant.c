/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/plant.h"

#include "libfusion/core/base/seed.h"
#include "tests/crash/ledger.h"

#ifdef FUSION_SEED_BUGS
int fusion_seed_bug;

int plant_bug(int bug)
{
	return fusion_seed_bug = bug;
}
#else
int plant_bug(int bug)
{
	die("bug %d: this build has none", bug);
}
#endif
