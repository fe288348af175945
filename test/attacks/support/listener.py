"""Writes every packet of an interface to a file: listener.py INTERFACE FILE"""

import socket
import sys

ETH_P_ALL = 0x0003
SO_RCVBUFFORCE = 33

everything = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
everything.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 * 1024 * 1024)
everything.bind((sys.argv[1], 0))
with open(sys.argv[2], "wb", buffering=0) as file:
    print("listening", flush=True)
    while True:
        file.write(everything.recv(256 * 1024))
