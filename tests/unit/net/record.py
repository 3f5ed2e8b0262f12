#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""record.py: what rtnetlink lists of the network namespace that this runs in, in hexadecimal, a message a
line, for net_view_test.c. Each *.txt here begins with the commands that made its namespace:
unshare -n sh -c "sed -n 's/^# //p' FILE | sh; python3 record.py"."""
import socket
import struct

s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
for kind, family in ((18, 0), (22, 0), (26, socket.AF_INET), (26, socket.AF_INET6), (30, 0)):
    s.send(struct.pack("=IHHIIB15x", 32, kind, 0x301, kind, 0, family))
    done = False
    while not done:
        data = s.recv(65536)
        while data:
            length, kind_, flags, seq, pid = struct.unpack_from("=IHHII", data)
            done = kind_ == 3
            if not done:
                print(data[:length].hex())
            data = data[(length + 3) & ~3 :]
