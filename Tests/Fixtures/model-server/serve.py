#!/usr/bin/python3
"""A second llama-server on loopback, as an endpoint elsewhere would be: plain over one port, over TLS at another.

    serve.py LLAMA_SERVER MODEL FOLDER

FOLDER holds key (what clients must send), and certificate.pem with certificate.key, made for "localhost". Prints
"PLAIN_PORT TLS_PORT" once the server is healthy, and ends, with the server, when its standard input does.
What must stay true: loopback only; the server never outlives this program.
"""

import ctypes
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

HEALTHY_WITHIN_S = 120
PR_SET_PDEATHSIG = 1


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_healthy(port, server):
    deadline = time.monotonic() + HEALTHY_WITHIN_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise SystemExit("the second llama-server did not become healthy")


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve_tls(listener, context, port):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=relay, args=(connection, context, port), daemon=True).start()


def relay(connection, context, port):
    try:
        outside = context.wrap_socket(connection, server_side=True)
    except (ssl.SSLError, OSError):
        connection.close()  # a client that does not trust the certificate
        return
    inside = socket.create_connection(("127.0.0.1", port))
    back = threading.Thread(target=copy, args=(inside, outside), daemon=True)
    back.start()
    copy(outside, inside)
    back.join()
    inside.close()
    outside.close()


def main():
    program, model, folder = sys.argv[1:4]
    port = free_port()
    server = subprocess.Popen(
        [program, "-m", model, "--host", "127.0.0.1", "--port", str(port), "--api-key-file", f"{folder}/key",
         "--offline", "-c", "4096", "-t", "1", "-np", "1", "--jinja"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
    try:
        wait_until_healthy(port, server)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/certificate.pem", f"{folder}/certificate.key")
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=serve_tls, args=(listener, context, port), daemon=True).start()
        print(port, listener.getsockname()[1], flush=True)
        sys.stdin.read()
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
