"""The Milvus service over gRPC, and what every call to it passes: the token, the count, the queue of writes."""

import base64
import hmac
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import lite_engine
import lite_search
from lite_corrections import replace
from milvus_lite.adapter.grpc.servicer import MilvusServicer, milvus_pb2_grpc

MESSAGE_LIMIT = 256 << 20

WRITES = {
    "AlterCollection", "CreateCollection", "CreateIndex", "Delete", "DropCollection", "DropIndex", "Flush", "Insert",
    "ManualCompaction", "RenameCollection", "TruncateCollection", "Upsert",
}  # fmt: skip


class Traffic:
    """How many calls are under way, and since when there were none."""

    def __init__(self):
        self._lock = threading.Lock()
        self._under_way = 0
        self._last = time.monotonic()
        self.began = False

    def __enter__(self):
        with self._lock:
            self._under_way += 1
            self.began = True

    def __exit__(self, *_):
        with self._lock:
            self._under_way -= 1
            self._last = time.monotonic()

    def quiet_seconds(self):
        with self._lock:
            return 0 if self._under_way else time.monotonic() - self._last


class Gate(grpc.ServerInterceptor):
    """Checks the token, counts the call, and lets writes in one by one: the engine allows one writer.

    `end` is set as soon as a write has failed half way.
    """

    def __init__(self, token, traffic, writing, end):
        # The form in which Milvus' clients send a token.
        self._token = base64.b64encode(token.encode())
        self._traffic = traffic
        self._writing = writing
        self._end = end

    def intercept_service(self, continuation, details):
        handler = continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler
        got = dict(details.invocation_metadata).get("authorization", "")
        if not hmac.compare_digest(got.encode(), self._token):
            return replaced(handler, lambda _, context: context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong token"))
        inside = self._write if details.method.rsplit("/", 1)[-1] in WRITES else self._read
        return replaced(handler, lambda request, context: inside(handler.unary_unary, request, context))

    def _read(self, call, request, context):
        with self._traffic:
            return call(request, context)

    def _write(self, call, request, context):
        with self._traffic, self._writing:
            if lite_engine.write_failed.is_set():
                context.abort(grpc.StatusCode.UNAVAILABLE, "an earlier write failed; the server is about to end")
            reply = call(request, context)
            if lite_engine.write_failed.is_set():
                self._end.set()
            return reply


def replaced(handler, call):
    return grpc.unary_unary_rpc_method_handler(call, handler.request_deserializer, lambda reply: reply.SerializeToString())


def amend():
    """Puts the corrections in place that are about calls; to be called once."""
    for call in ("Query", "Search"):
        replace(f"adapter.grpc.servicer.MilvusServicer.{call}", lite_engine.telling_output_fields)
    replace("adapter.grpc.servicer.MilvusServicer._extract_pks_from_expr", lite_search.reading_keys_at_once)
    replace("adapter.grpc.translators.records._build_field_data", lite_engine.writing_columns_whole)


def make_server(database, gate):
    """A server that knows its calls but listens nowhere yet."""
    server = grpc.server(
        ThreadPoolExecutor(max_workers=4),
        interceptors=[gate],
        options=[
            ("grpc.max_receive_message_length", MESSAGE_LIMIT),
            ("grpc.max_send_message_length", MESSAGE_LIMIT),
            # Two servers on one port would share its connections.
            ("grpc.so_reuseport", 0),
            # Milvus' clients ping often and would be disconnected for it.
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", 1000),
            ("grpc.http2.max_ping_strikes", 0),
        ],
    )
    milvus_pb2_grpc.add_MilvusServiceServicer_to_server(MilvusServicer(database), server)
    return server
