// SPDX-License-Identifier: GPL-2.0-or-later
/* A program that is nothing but what is linked with it: a room of domlet-init that calls what it must not doesn't link. */

int main(void)
{
	return 0;
}
