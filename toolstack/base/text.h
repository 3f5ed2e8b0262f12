/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_BASE_TEXT_H
#define DOMLET_BASE_TEXT_H

/*
 * Text of strangers (a guest, an image's author, a hook), where it is taken in
 * to be shown to a person: on a terminal, in a log, in `state`.
 */

/* In place: what is neither a printable character, in UTF-8, nor a newline or
 * a tab becomes "?", one a byte or one a character. So nothing steers a
 * terminal (C0, C1), turns the direction of the text around it, or hides in it. */
void domlet_text_clean(char *text);

#endif
