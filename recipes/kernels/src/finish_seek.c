/* The last stage's arrays, from one block of channels to another. */
#include "internal.h"

void edge_finish_seek(const edge_geometry *g, edge_finish *finish, int32_t channel) {
  finish->base += channel;
  if (finish->multiplier != NULL) finish->multiplier += channel;
  if (finish->shift != NULL) finish->shift += channel;
  if (finish->scale != NULL) finish->scale += channel;
  if (finish->threshold != NULL) finish->threshold += (size_t)channel * (size_t)g->thresholds;
}
