# SPDX-License-Identifier: BSD-2-Clause
"""A web server on loopback that serves lists, and every fault a web server can have."""
import gzip
import http.server
import threading


class Reply:
    """One answer. etag: sent, and answered by 304 when it is asked with. wait: an Event, before half of the body goes out; drip: the
    body goes out a byte at a time for as long as somebody reads. short: the connection ends that many bytes before the body does."""

    def __init__(self, body=b"", status=200, etag=None, modified=None, headers=None, packed=False, wait=None, drip=False, short=0,
                 chunked=False, endless=False):
        self.body = body.encode() if isinstance(body, str) else body
        self.status, self.etag, self.modified, self.headers = status, etag, modified, dict(headers or {})
        self.wait, self.drip, self.short, self.chunked, self.endless = wait, drip, short, chunked, endless
        if packed:
            self.body = gzip.compress(self.body)
            self.headers["Content-Encoding"] = "gzip"


class Web:
    """pages: path -> Reply. asked: every request, as (path, headers)."""

    def __init__(self, host="127.0.0.1"):
        self.pages, self.asked = {}, []
        self.stopping = threading.Event()
        self.began = threading.Event()  # the first half of a Reply with wait is out
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                outer.asked.append((self.path, dict(self.headers)))
                reply = outer.pages.get(self.path, Reply(status=404, body="there is nothing"))
                try:
                    self.give(reply)
                except OSError:
                    self.close_connection = True

            def give(self, reply):
                if reply.etag and self.headers.get("If-None-Match") == reply.etag:
                    reply = Reply(status=304, etag=reply.etag)
                elif reply.modified and self.headers.get("If-Modified-Since") == reply.modified:
                    reply = Reply(status=304)
                self.send_response(reply.status)
                for key, value in reply.headers.items():
                    self.send_header(key, value)
                if reply.etag:
                    self.send_header("ETag", reply.etag)
                if reply.modified:
                    self.send_header("Last-Modified", reply.modified)
                if reply.chunked:
                    self.send_header("Transfer-Encoding", "chunked")
                elif not reply.endless:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.flush()
                if reply.status == 304:
                    return
                self.give_body(reply)

            def give_body(self, reply):
                body = reply.body[:len(reply.body) - reply.short]
                if reply.endless:
                    while not outer.stopping.is_set():
                        self.wfile.write(body)
                elif reply.drip:
                    for i in range(len(body)):
                        self.wfile.write(body[i:i + 1])
                        if outer.stopping.wait(0.2):
                            break
                elif reply.wait is not None:
                    half = len(body) // 2
                    self.wfile.write(body[:half])
                    outer.began.set()
                    reply.wait.wait(60)
                    self.wfile.write(body[half:])
                elif reply.chunked:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body) + (b"" if reply.short else b"0\r\n\r\n"))
                else:
                    self.wfile.write(body)
                self.wfile.flush()
                self.close_connection = reply.short > 0 or reply.endless or reply.drip

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server((host, 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def close(self):
        self.stopping.set()
        for reply in self.pages.values():
            if reply.wait is not None:
                reply.wait.set()
        self.server.shutdown()
        self.server.server_close()
