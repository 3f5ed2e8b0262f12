/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_BASE_TEXT_H
#define DOMLET_BASE_TEXT_H

/*
 * Text of strangers (a guest, an image's author, a hook): whoever takes such a text
 * in to show it to a person, on a terminal, in a log or in `state`, has it cleaned
 * here. The text is the caller's.
 */

/* Cleans TEXT in place. What is neither a printable character in UTF-8 nor a newline
 * or a tab becomes "?": one per byte where it is no UTF-8, and one per character
 * otherwise. So nothing steers a terminal (C0, C1), turns the direction of the text
 * around it, or hides in it. */
void domlet_text_clean(char *text);

#endif
