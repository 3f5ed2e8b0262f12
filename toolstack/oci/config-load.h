/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_CONFIG_LOAD_H
#define DOMLET_OCI_CONFIG_LOAD_H

/*
 * config.json as a checked json-c object: whoever reads the object afterwards may
 * take for granted that each key that config-schema.c names has its type, that no
 * string holds a NUL, and that what the specification requires is there. An absent
 * key and null are the same. The caller puts the object. Each function returns 0 or
 * -errno: -EFBIG for more than DOMLET_CONFIG_MAX bytes, -EINVAL for what is no
 * configuration.
 */

#include <stddef.h>

struct domlet_error;
struct json_object;

/* Levels of nesting a configuration may have: the guest's parser takes 64,
 * and the document puts the configuration two levels down. */
#define DOMLET_OCI_DEPTH_MAX 60

/* Reads the file PATH. */
int domlet_oci_load(const char *path, struct json_object **config, struct domlet_error *err);
/* Reads the LEN bytes of TEXT; PATH is for the sentence. */
int domlet_oci_parse(const char *text, size_t len, const char *path, struct json_object **config,
		     struct domlet_error *err);

/* Reads the file or pipe PATH that holds a process object (config.md#process) alone. */
int domlet_oci_load_process(const char *path, struct json_object **process, struct domlet_error *err);

/* Reads the file or pipe PATH that holds an object of linux.resources alone. */
int domlet_oci_load_resources(const char *path, struct json_object **resources, struct domlet_error *err);
/* Checks RESOURCES, which was made elsewhere; WHAT is for the sentence. */
int domlet_oci_check_resources(struct json_object *resources, const char *what, struct domlet_error *err);

/* Checks the types of CONFIG, which was read elsewhere; PATH is for the sentence. */
int domlet_oci_check(struct json_object *config, const char *path, struct domlet_error *err);

#endif
