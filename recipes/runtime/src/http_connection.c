/* A connection: reading, time limits, keep-alive, and an end that lets the last answer arrive. */
#include <stdlib.h>
#include <string.h>

#include "http.h"

static void on_handle_closed(uv_handle_t *handle) {
  edge_connection *connection = handle->data;
  if (--connection->handles > 0) return;
  edge_server *server = connection->server;
  *connection->link = connection->next;
  if (connection->next) connection->next->link = connection->link;
  edge_request_reset(connection);
  JS_FreeValue(server->host->ctx, connection->body.owner);
  connection->body.owner = JS_UNDEFINED;
  edge_buf_free(&connection->head);
  connection->server = NULL;
  edge_server_release(server);
  edge_connection_release(connection);
}

void edge_connection_release(edge_connection *connection) {
  if (--connection->refs == 0) free(connection);
}

void edge_connection_close(edge_connection *connection) {
  if (connection->state == HTTP_CLOSING) return;
  connection->state = HTTP_CLOSING;
  if (connection->rejected) connection->server->rejected--;
  else connection->server->count--;
  uv_close((uv_handle_t *)&connection->tcp, on_handle_closed);
  uv_close((uv_handle_t *)&connection->timer, on_handle_closed);
}

static void on_timeout(uv_timer_t *timer) {
  edge_connection *connection = timer->data;
  if (!connection->grace) {
    /* JavaScript may have held the loop all the time: look once at what has come meanwhile. */
    connection->grace = true;
    uv_timer_start(timer, on_timeout, 1, 0);
    return;
  }
  if (connection->state == HTTP_READING && !(connection->idle && connection->served)) edge_respond_error(connection, 408);
  else edge_connection_close(connection);
}

void edge_connection_limit(edge_connection *connection, int64_t ms) {
  connection->grace = false;
  uv_update_time(&connection->server->host->loop);
  uv_timer_start(&connection->timer, on_timeout, (uint64_t)ms, 0);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  edge_connection *connection = handle->data;
  (void)suggested;
  if (connection->state == HTTP_LINGERING) connection->input_at = connection->input_len = 0;
  buf->base = connection->input + connection->input_len;
  buf->len = sizeof connection->input - connection->input_len;
}

static void stop_reading(edge_connection *connection) {
  uv_read_stop((uv_stream_t *)&connection->tcp);
  connection->reading = false;
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
  edge_connection *connection = stream->data;
  edge_host *host = connection->server->host;
  (void)buf;
  if (got == 0) return;
  connection->active_ms = uv_now(&host->loop);
  if (got == UV_EOF && (connection->state == HTTP_HANDLING || connection->state == HTTP_WRITING)) {
    /* The client has said all it wants to say and waits for the answer. */
    connection->eof = true;
    stop_reading(connection);
    return;
  }
  if (got < 0) {
    edge_connection_close(connection);
    return;
  }
  if (connection->state == HTTP_LINGERING) return;
  connection->input_len += (size_t)got;
  if (connection->state == HTTP_READING) edge_connection_process(connection);
  /* While an answer is made, at most one buffer of further requests is taken. */
  if (connection->reading && connection->input_len == sizeof connection->input &&
      (connection->state == HTTP_HANDLING || connection->state == HTTP_WRITING))
    stop_reading(connection);
  edge_host_pump(host);
}

static void start_reading(edge_connection *connection) {
  if (connection->reading) return;
  connection->reading = uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read) == 0;
  if (!connection->reading) edge_connection_close(connection);
}

void edge_connection_process(edge_connection *connection) {
  edge_request *request = &connection->request;
  if (connection->input_at == connection->input_len) return;
  if (connection->idle) {
    connection->idle = false;
    edge_connection_limit(connection, connection->server->timeout_ms);
  }
  size_t used = edge_parser_feed(connection, connection->input + connection->input_at,
                                 connection->input_len - connection->input_at);
  connection->input_at += used;
  size_t left = connection->input_len - connection->input_at;
  if (connection->input_at && left) memmove(connection->input, connection->input + connection->input_at, left);
  connection->input_at = 0;
  connection->input_len = left;
  if (request->error) {
    edge_respond_error(connection, request->error);
  } else if (request->complete) {
    connection->state = HTTP_HANDLING;
    uv_timer_stop(&connection->timer);
    edge_handle(connection);
  } else if (request->head_done && request->expects) {
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    uv_buf_t go_on = uv_buf_init((char *)text, sizeof text - 1);
    request->expects = false;
    /* When it does not fit, the client sends the body after a while anyway. */
    uv_try_write((uv_stream_t *)&connection->tcp, &go_on, 1);
  }
}

void edge_connection_next(edge_connection *connection) {
  if (!connection->request.keep_alive || connection->eof || connection->server->closing) {
    edge_connection_linger(connection);
    return;
  }
  edge_request_reset(connection);
  connection->state = HTTP_READING;
  connection->idle = connection->served = true;
  int64_t idle = connection->server->timeout_ms;
  edge_connection_limit(connection, idle < EDGE_HTTP_IDLE_MS ? idle : EDGE_HTTP_IDLE_MS);
  start_reading(connection);
  if (connection->state == HTTP_READING) edge_connection_process(connection);
}

static void on_shutdown(uv_shutdown_t *request, int status) {
  edge_connection *connection = request->data;
  if (status && status != UV_ECANCELED) edge_connection_close(connection);
}

void edge_connection_linger(edge_connection *connection) {
  /* Closing a socket with unread bytes resets it, and the answer may be lost: say the end, read on for a moment. */
  connection->state = HTTP_LINGERING;
  connection->shutdown.data = connection;
  if (connection->eof || uv_shutdown(&connection->shutdown, (uv_stream_t *)&connection->tcp, on_shutdown)) {
    edge_connection_close(connection);
    return;
  }
  edge_connection_limit(connection, EDGE_HTTP_LINGER_MS);
  start_reading(connection);
}

static void read_client(edge_connection *connection) {
  struct sockaddr_storage address;
  int len = sizeof address;
  if (uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&address, &len)) return;
  if (address.ss_family == AF_INET6) {
    memcpy(connection->client, &((const struct sockaddr_in6 *)&address)->sin6_addr, sizeof connection->client);
  } else {
    connection->client[10] = connection->client[11] = 0xff;
    memcpy(connection->client + 12, &((const struct sockaddr_in *)&address)->sin_addr, 4);
  }
}

static bool same_client(const edge_connection *a, const edge_connection *b) {
  return memcmp(a->client, b->client, sizeof a->client) == 0;
}

/* 2: waits for a request, 1: a request (or the end) is under way, but silent, 0: must not be disturbed. */
static int idleness(const edge_connection *connection) {
  if (connection->rejected) return 0;
  if (connection->state == HTTP_READING && connection->idle) return 2;
  if (connection->state != HTTP_READING && connection->state != HTTP_LINGERING) return 0;
  return uv_now(&connection->server->host->loop) - connection->active_ms >= EDGE_HTTP_SILENT_MS;
}

/* The idlest connection, of `client` only unless that is NULL, or NULL. */
static edge_connection *find_idlest(const edge_server *server, const edge_connection *client) {
  edge_connection *found = NULL;
  int best = 0;
  for (edge_connection *at = server->connections; at; at = at->next) {
    int rank = client && !same_client(at, client) ? 0 : idleness(at);
    if (rank == 0 || rank < best || (rank == best && at->active_ms > found->active_ms)) continue;
    found = at;
    best = rank;
  }
  return found;
}

/* Whether a place for a new connection is free, or could be made. */
static bool make_place(edge_server *server, const edge_connection *connection) {
  int64_t own = 0;
  for (const edge_connection *at = server->connections; at; at = at->next)
    own += !at->rejected && at->state != HTTP_CLOSING && same_client(at, connection);
  bool crowded = own >= server->max_per_client;
  if (!crowded && server->count < server->max_connections) return true;
  edge_connection *idlest = find_idlest(server, crowded ? connection : NULL);
  if (!idlest) return false;
  edge_connection_close(idlest);
  return true;
}

void edge_connection_accept(edge_server *server) {
  edge_connection *connection = calloc(1, sizeof *connection);
  if (!connection) return;
  uv_tcp_init(&server->host->loop, &connection->tcp);
  uv_timer_init(&server->host->loop, &connection->timer);
  connection->tcp.data = connection->timer.data = connection;
  connection->server = server;
  connection->handles = 2;
  connection->refs = 1;
  connection->body.owner = JS_UNDEFINED;
  bool accepted = uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)&connection->tcp) == 0;
  connection->idle = true;
  connection->active_ms = uv_now(&server->host->loop);
  if (accepted) read_client(connection);
  connection->rejected = !accepted || !make_place(server, connection);
  server->refs++;
  if (connection->rejected) server->rejected++;
  else server->count++;
  connection->next = server->connections;
  if (connection->next) connection->next->link = &connection->next;
  connection->link = &server->connections;
  server->connections = connection;
  edge_parser_init(connection);
  if (!accepted || (connection->rejected && server->rejected > EDGE_HTTP_REJECTED)) {
    edge_connection_close(connection);
    return;
  }
  uv_tcp_nodelay(&connection->tcp, 1);
  if (connection->rejected) {
    edge_respond_error(connection, 503);
    return;
  }
  edge_connection_limit(connection, server->timeout_ms < EDGE_HTTP_FIRST_MS ? server->timeout_ms : EDGE_HTTP_FIRST_MS);
  start_reading(connection);
}
