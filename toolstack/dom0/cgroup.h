/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_DOM0_CGROUP_H
#define DOMLET_DOM0_CGROUP_H

/*
 * The control groups of dom0 that a container's processes there sit in: where the
 * directory of linux.cgroupsPath is, how it is made and how it is removed. Only
 * cgroup v2 is known. Commands and the monitor come here. Nothing is recorded: the
 * caller writes down what it is about to make. Nothing is kept: paths are the
 * caller's. A function with an error as its last parameter returns 0 or -errno,
 * where it doesn't say otherwise.
 */

#include <stdbool.h>
#include <stddef.h>

struct domlet_error;

/* Writes the absolute directory for a configuration's linux.cgroupsPath into PATH, of
 * LEN bytes; where that is NULL or "", it is one of domlet's own, called NAME.
 * systemd's form "slice:prefix:name" stands for the directory that systemd would give
 * the scope; an empty slice is system.slice. -EINVAL: the path can't be used. */
int domlet_cgroup_path(const char *cgroups_path, const char *name, char *path, size_t len, struct domlet_error *err);
/* Whether CGROUPS_PATH is of that form: no path in any of the three. */
bool domlet_cgroup_is_unit(const char *cgroups_path);
/* Whether there is a cgroup PATH. One that is there before its container is made is
 * used, but is not ours to remove. */
bool domlet_cgroup_exists(const char *path);
/* Makes the directories above PATH, each with the controllers that engines read. One
 * that can't be made is missed by domlet_cgroup_make(). */
void domlet_cgroup_make_parents(const char *path);
/* Makes PATH itself. 1: it is new. 0: it was there. -errno. */
int domlet_cgroup_make(const char *path, struct domlet_error *err);
/* Refuses (-EBUSY), in runc's words, when PATH or a cgroup above it is frozen: whoever
 * is put into PATH would stand still. */
int domlet_cgroup_refuse_frozen(const char *path, struct domlet_error *err);
/* The number of processes in PATH and below. */
unsigned int domlet_cgroup_processes(const char *path);
/* Removes PATH (NULL: none), or waits until systemd has, where it has made it; up to 5 s for
 * proxies in it that are about to end. */
void domlet_cgroup_remove(const char *path);

/* Writes the cgroup of the monitor of the domain UUID into PATH, of LEN bytes: the scope
 * domlet.slice/domlet-UUID.scope where systemd runs, domlet/UUID otherwise. A monitor has
 * one of its own, so that nobody who ends or counts the processes of an engine, a unit
 * or a session meets the monitor among them. */
void domlet_cgroup_of_monitor(const char *uuid, char *path, size_t len);
/* Makes PATH, or has systemd do so, and moves this process there. Where that can't be, as with cgroup v1, all
 * is as before, and the error says why. */
int domlet_cgroup_enter(const char *path, struct domlet_error *err);
/* Moves this process to where another one is that has entered PATH; it stays where it is if that one has not. */
void domlet_cgroup_follow(const char *path);
/* Moves this process out of PATH (NULL: none) and removes that. A cgroup that can't be
 * removed now is left to whoever cleans up after this process. */
void domlet_cgroup_leave(const char *path);

#endif
