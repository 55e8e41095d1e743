/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_FORK_H
#define FUSION_FORK_H

void fork_prepare_once(void);

#endif
