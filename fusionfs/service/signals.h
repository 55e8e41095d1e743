/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signals that the daemon sends
 *
 * The daemon may signal every process, and members can write into their arena
 * what they like.  So nothing of an arena's memory leads to a signal.  A signal
 * has the rights of the receiver's user.  It goes to a member that the daemon
 * itself has let in (undertaker.h), while the witness of that member is held.
 * Or it goes to a shell, for a purchase that the daemon itself made for that
 * shell's open file.
 */
#ifndef FUSIONFS_SIGNALS_H
#define FUSIONFS_SIGNALS_H

struct ioctl_request;

/* FUSION_IOC_SIGNAL: signal the member that the caller names. */
void request_signal(const struct ioctl_request *q);
/* FUSION_IOC_HOLD_UP: send SIGKILL to the shell that has purchased a property.
 */
void request_hold_up(const struct ioctl_request *q);

#endif
