/* http.h: the HTTP server: one listener, bounded connections, one request at a time on each. */
#ifndef EDGE_HTTP_H
#define EDGE_HTTP_H

#include <llhttp.h>
#include <uv.h>

#include "buffer.h"
#include "host.h"
#include "js_util.h"

#define EDGE_HTTP_HEAD_LIMIT 16384      /* request line and headers; more gets 431 */
#define EDGE_HTTP_URL_LIMIT 8192        /* more gets 414 */
#define EDGE_HTTP_HEADERS_LIMIT 100     /* more gets 431 */
#define EDGE_HTTP_FIRST_MS 5000         /* until the first byte of a connection; then 408 */
#define EDGE_HTTP_IDLE_MS 15000         /* between two requests on a connection */
#define EDGE_HTTP_SILENT_MS 1000        /* without a byte, a started request may lose its place to somebody new */
#define EDGE_HTTP_SLOWEST 16            /* bytes in a millisecond: an answer may take that long on top of the time limit */
#define EDGE_HTTP_LINGER_MS 2000        /* reading on after the last answer, so that it arrives */
#define EDGE_HTTP_CHUNK 65536           /* bytes of a body that are handed to the kernel at once */
#define EDGE_HTTP_REJECTED 32           /* connections that are being told 503 */

typedef struct edge_connection edge_connection;

/* Freed when neither JavaScript, nor the listener, nor a connection refers to it. */
typedef struct {
  edge_host *host;
  uv_tcp_t listener;
  JSValue handler;
  edge_connection *connections;
  int count, rejected, refs; /* count: served, without those that are being closed; rejected: told 503 */
  int64_t max_body, max_bodies, max_connections, max_per_client, timeout_ms;
  bool closing;
} edge_server;

typedef enum { HTTP_READING, HTTP_HANDLING, HTTP_WRITING, HTTP_LINGERING, HTTP_CLOSING } edge_http_state;

/* What is read of one request. `headers`: name 0 value 0 name 0 ...; owned. */
typedef struct {
  edge_buf url, headers, body;
  size_t head_bytes, field_start;
  int header_count, host_count, error; /* error: the status to answer with; 0 = none */
  bool begun, version_seen, head_done, complete, expects, keep_alive;
} edge_request;

struct edge_connection {
  edge_server *server;
  edge_connection *next, **link;
  uv_tcp_t tcp;
  uv_timer_t timer;
  uv_write_t write;
  uv_shutdown_t shutdown;
  int handles, refs;       /* open handles; handles as one and each exchange as one */
  uint32_t serial;         /* of the current request: late answers are dropped */
  edge_http_state state;
  bool rejected, eof, reading;
  bool idle;   /* no byte of a request has come */
  bool served; /* had an answer before */
  uint8_t client[16]; /* IPv6 address, or the IPv4 address as ::ffff:a.b.c.d */
  uint64_t active_ms; /* uv_now() when it opened or the last byte came */
  uint64_t write_until_ms; /* uv_now() at which the whole answer must have been taken */
  bool grace; /* the time is over, one more look at the socket is left */
  llhttp_t parser;
  edge_request request;
  edge_buf head;           /* of the response */
  edge_view body;          /* of the response: kept until it is written */
  size_t sent;
  char reason[48];         /* of the response's status */
  char input[EDGE_HTTP_HEAD_LIMIT];
  size_t input_at, input_len;
  const char *feed;        /* what the parser reads now, and the last bytes that it read before */
  char before[5];
};

/* http_server.c */
int edge_server_listen(edge_server *server, const char *host, int port);
int edge_server_port(const edge_server *server);
void edge_server_close(edge_server *server);
void edge_server_release(edge_server *server);

/* http_connection.c */
void edge_connection_accept(edge_server *server);
void edge_connection_process(edge_connection *connection);
void edge_connection_close(edge_connection *connection);
void edge_connection_release(edge_connection *connection);
/* Starts the time limit of what the connection does now. */
void edge_connection_limit(edge_connection *connection, int64_t ms);
/* After the last byte of a response: the next request, or the end. */
void edge_connection_next(edge_connection *connection);
void edge_connection_linger(edge_connection *connection);

/* http_parse.c */
void edge_parser_init(edge_connection *connection);
/* Feeds `len` bytes, at least one; the number that was used. Sets request.complete or request.error. */
size_t edge_parser_feed(edge_connection *connection, const char *bytes, size_t len);
void edge_request_reset(edge_connection *connection);

/* http_request.c: the JavaScript object of the request; JS_UNDEFINED when its target is malformed. */
JSValue edge_request_make(JSContext *ctx, edge_connection *connection);

/* http_response.c */
/* Answers with a status and its name as text, then closes. */
void edge_respond_error(edge_connection *connection, int status);
/* Answers with {status, headers, body}. -1 (thrown) when that is malformed: nothing was sent. */
int edge_respond_js(JSContext *ctx, edge_connection *connection, JSValueConst response);
/* RFC 9110 5.6.2 */
bool edge_is_token_char(char c);

/* http_handler.c: calls the app's handler and answers with what it gives. */
void edge_handle(edge_connection *connection);
int edge_handler_init(JSContext *ctx);

#endif
