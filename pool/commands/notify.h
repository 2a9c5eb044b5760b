// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/notify.h: tells systemd how the daemon is (sd_notify(3)).
 */
#pragma once

/*
 * One datagram to the socket that $NOTIFY_SOCKET names, a path or, with '@', an abstract one.
 * Without the variable nothing is sent; nobody waits for it either way.
 */
void notify_send(const char *state);

/* STATUS=SENTENCE, which `systemctl status` shows. */
void notify_status(const char *sentence);

/* RELOADING=1, with the time that systemd wants beside it. READY=1 ends it. */
void notify_reloading(void);
