"""A real Milvus 2.3 for the tests, out of reach of the network.

The server of the PyPI package `milvus` binds every interface, so this runs in a network namespace of its own, where it
brings up loopback alone. Unix sockets cross namespaces: one of them leads to the server.

usage: unshare -n python3 milvus_server.py PACKAGE_DIR BINARIES_DIR BASE_DIR SOCKET
Says "ready" when the server is; ends it when stdin ends.
"""
import fcntl
import os
import signal
import socket
import struct
import sys
import threading

package_dir, binaries_dir, base_dir, socket_path = sys.argv[1:5]
sys.path.insert(0, package_dir)

SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))

from milvus import MilvusServer, MilvusServerConfig  # noqa: E402


def pump(source, sink):
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def relay(listener, port):
    while True:
        near, _ = listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", port))
        except OSError:
            near.close()
            continue
        threading.Thread(target=pump, args=(near, far), daemon=True).start()
        threading.Thread(target=pump, args=(far, near), daemon=True).start()


# The binaries stay unpacked between runs, the data does not.
os.makedirs(binaries_dir, exist_ok=True)
os.symlink(binaries_dir, os.path.join(base_dir, "bin"))
# Its parts look several times as often for what changed, so that tests wait less. Settings that are not in its template are
# taken from the environment only.
os.environ.update(
    QUERYCOORD_CHECKCHANNELINTERVAL="100",
    QUERYCOORD_CHECKSEGMENTINTERVAL="100",
    QUERYCOORD_LEADERVIEWUPDATEINTERVAL="0.1",
)
server = MilvusServer(MilvusServerConfig(data_dir=base_dir))
for key, value in {
    "common.security.authorizationEnabled": "true",
    # One a second; newer servers allow one in ten seconds of their own accord.
    "quotaAndLimits.flushRate.enabled": "true",
    "quotaAndLimits.flushRate.max": "1",
    "proxy.timeTickInterval": "50",
    "queryCoord.checkInterval": "100",
    "queryCoord.distPullInterval": "250",
    "queryCoord.checkHandoffInterval": "500",
}.items():
    server.config.set(key, value)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
try:
    server.start()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(socket_path)
        listener.listen(64)
        threading.Thread(target=relay, args=(listener, server.listen_port), daemon=True).start()
        print("ready", flush=True)
        sys.stdin.read()
finally:
    server.stop()
    if os.path.exists(socket_path):
        os.unlink(socket_path)
