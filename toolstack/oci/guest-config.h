/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_GUEST_CONFIG_H
#define DOMLET_OCI_GUEST_CONFIG_H

/*
 * What of a configuration the guest gets to see. A configuration is written for a
 * runtime of the host and full of the host's paths; here the members that the guest
 * makes something of are named, and all others are taken out. Only oci/ includes
 * this. The objects stay the caller's.
 */

struct json_object;

/* Leaves in CONFIG, which is checked and has its mounts planned, what is the guest's.
 * Whatever else is to be read of CONFIG must be read before. */
void domlet_guest_config_keep(struct json_object *config);

/* Leaves in the process object PROCESS what is the guest's. */
void domlet_guest_config_keep_process(struct json_object *process);

#endif
