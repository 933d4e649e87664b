/* The listener: binding, accepting, closing. */
#include <stdlib.h>

#include "http.h"

static void on_connection(uv_stream_t *stream, int status) {
  edge_server *server = stream->data;
  if (status == 0) edge_connection_accept(server);
}

int edge_server_listen(edge_server *server, const char *host, int port) {
  struct sockaddr_storage address;
  uv_tcp_init(&server->host->loop, &server->listener);
  server->listener.data = server;
  server->refs++;
  int error;
  if (host) {
    error = uv_ip4_addr(host, port, (struct sockaddr_in *)&address);
    if (error) error = uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address);
    if (!error) error = uv_tcp_bind(&server->listener, (const struct sockaddr *)&address, 0);
  } else {
    /* "::" takes IPv4 as well; a kernel without IPv6 has "0.0.0.0" only. */
    uv_ip6_addr("::", port, (struct sockaddr_in6 *)&address);
    error = uv_tcp_bind(&server->listener, (const struct sockaddr *)&address, 0);
    if (error == UV_EAFNOSUPPORT) {
      uv_ip4_addr("0.0.0.0", port, (struct sockaddr_in *)&address);
      error = uv_tcp_bind(&server->listener, (const struct sockaddr *)&address, 0);
    }
  }
  return error ? error : uv_listen((uv_stream_t *)&server->listener, 128, on_connection);
}

int edge_server_port(const edge_server *server) {
  struct sockaddr_storage address;
  int len = sizeof address;
  if (uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &len)) return 0;
  /* The port stands at the same place for both families. */
  return ntohs(((const struct sockaddr_in *)&address)->sin_port);
}

void edge_server_release(edge_server *server) {
  bool last = --server->refs == 0;
  /* The handler usually refers to the server's object: let go of it as soon as it cannot be called any more. */
  if (last || (server->closing && !server->connections)) {
    JSValue handler = server->handler;
    server->handler = JS_UNDEFINED;
    if (!last) server->refs++; /* freeing it may release the object */
    JS_FreeValueRT(server->host->rt, handler);
    if (!last) last = --server->refs == 0;
  }
  if (last) free(server);
}

static void on_closed(uv_handle_t *handle) { edge_server_release(handle->data); }

void edge_server_close(edge_server *server) {
  if (server->closing) return;
  server->closing = true;
  uv_close((uv_handle_t *)&server->listener, on_closed);
  for (edge_connection *at = server->connections, *next; at; at = next) {
    next = at->next;
    if (at->state == HTTP_READING && at->idle) edge_connection_close(at);
  }
}
