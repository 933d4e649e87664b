/* Crop, the eight orientations, and the perspective crop. */
#include <math.h>
#include <string.h>

#include "image.h"

#define ONE 2048
#define SMALLEST 1e-9

void edge_image_crop(const edge_image *in, int32_t x, int32_t y, edge_image *out) {
  size_t row = (size_t)out->width * 3;
  for (int32_t line = 0; line < out->height; line++) {
    const uint8_t *source = in->data + ((size_t)(y + line) * (size_t)in->width + (size_t)x) * 3;
    memcpy(out->data + (size_t)line * row, source, row);
  }
}

void edge_image_orient(const edge_image *in, int orientation, edge_image *out) {
  /* Start and steps in the source, in pixels, for each output column and row. */
  const ptrdiff_t width = in->width, height = in->height;
  const ptrdiff_t right = width - 1, bottom = (height - 1) * width;
  const struct {
    ptrdiff_t start, column, row;
  } walk[9] = {
      {0, 1, width},                                               /* not used */
      {0, 1, width},           {right, -1, width},                 /* 1 as it is, 2 mirrored */
      {bottom + right, -1, -width}, {bottom, 1, -width},           /* 3 by 180, 4 upside down */
      {0, width, 1},           {bottom, -width, 1},                /* 5 transposed, 6 by 90 clockwise */
      {bottom + right, -width, -1}, {right, width, -1},            /* 7 the other diagonal, 8 by 270 */
  };
  uint8_t *target = out->data;
  for (int32_t y = 0; y < out->height; y++) {
    ptrdiff_t at = walk[orientation].start + y * walk[orientation].row;
    for (int32_t x = 0; x < out->width; x++, at += walk[orientation].column, target += 3)
      memcpy(target, in->data + at * 3, 3);
  }
}

/* x = (a u + b v + c) / (g u + h v + 1), y alike, for u and v from 0 to 1. */
typedef struct {
  double a, b, c, d, e, f, g, h;
} projection;

static bool solve(const edge_point q[4], projection *p) {
  double dx1 = q[1].x - q[2].x, dx2 = q[3].x - q[2].x, sx = q[0].x - q[1].x + q[2].x - q[3].x;
  double dy1 = q[1].y - q[2].y, dy2 = q[3].y - q[2].y, sy = q[0].y - q[1].y + q[2].y - q[3].y;
  double den = dx1 * dy2 - dx2 * dy1;
  if (!(fabs(den) > SMALLEST)) return false;
  p->g = (sx * dy2 - dx2 * sy) / den;
  p->h = (dx1 * sy - sx * dy1) / den;
  p->a = q[1].x - q[0].x + p->g * q[1].x;
  p->b = q[3].x - q[0].x + p->h * q[3].x;
  p->c = q[0].x;
  p->d = q[1].y - q[0].y + p->g * q[1].y;
  p->e = q[3].y - q[0].y + p->h * q[3].y;
  p->f = q[0].y;
  /* The denominator is linear: above 0 in all corners, above 0 everywhere. */
  return 1 + p->g > SMALLEST && 1 + p->h > SMALLEST && 1 + p->g + p->h > SMALLEST;
}

static void sample(const edge_image *in, double x, double y, uint8_t *out) {
  x = x > 0 ? x : 0;
  y = y > 0 ? y : 0;
  if (x > in->width - 1) x = in->width - 1;
  if (y > in->height - 1) y = in->height - 1;
  int32_t left = (int32_t)x, top = (int32_t)y;
  int32_t wx = (int32_t)((x - left) * ONE + 0.5), wy = (int32_t)((y - top) * ONE + 0.5);
  size_t right = left < in->width - 1 ? 3 : 0, below = top < in->height - 1 ? (size_t)in->width * 3 : 0;
  const uint8_t *at = in->data + ((size_t)top * (size_t)in->width + (size_t)left) * 3;
  for (int c = 0; c < 3; c++, at++) {
    int32_t upper = at[0] * (ONE - wx) + at[right] * wx;
    int32_t lower = at[below] * (ONE - wx) + at[below + right] * wx;
    out[c] = (uint8_t)((upper * (ONE - wy) + lower * wy + ONE * ONE / 2) / (ONE * ONE));
  }
}

bool edge_image_quad(const edge_image *in, const edge_point quad[4], edge_image *out) {
  projection p;
  if (!solve(quad, &p)) return false;
  uint8_t *target = out->data;
  for (int32_t row = 0; row < out->height; row++) {
    double v = (row + 0.5) / out->height;
    for (int32_t column = 0; column < out->width; column++, target += 3) {
      double u = (column + 0.5) / out->width;
      double w = p.g * u + p.h * v + 1;
      sample(in, (p.a * u + p.b * v + p.c) / w - 0.5, (p.d * u + p.e * v + p.f) / w - 0.5, target);
    }
  }
  return true;
}
