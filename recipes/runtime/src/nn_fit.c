/* nn_fit.c: which declared shape to use for data of a wanted size. */
#include "nn_tensor.h"

/* The smallest size of a dimension that is at least `wanted`; the largest when none is. */
static int32_t fit_dimension(const edge_nn_dim *dim, int32_t wanted) {
  if (wanted <= dim->min) return dim->min;
  int64_t steps = ((int64_t)wanted - dim->min + dim->step - 1) / dim->step;
  int64_t size = dim->min + steps * dim->step;
  return size > dim->max ? dim->max : (int32_t)size;
}

/* Elements of a shape, as a double: it is only compared. */
static double elements(const int32_t *shape, uint32_t rank) {
  double product = 1;
  for (uint32_t i = 0; i < rank; i++) product *= shape[i];
  return product;
}

/* How much of the wanted size a shape can hold: 1 for all of it. */
static double share(const int32_t *shape, const int32_t *wanted, uint32_t rank) {
  double least = 1;
  for (uint32_t i = 0; i < rank; i++) {
    double part = (double)shape[i] / wanted[i];
    if (part < least) least = part;
  }
  return least;
}

void edge_tensor_fit(const edge_nn_tensor_info *info, const int32_t *wanted, int32_t *out) {
  const int32_t *best = NULL;
  for (uint32_t i = 0; i < info->rank && !info->shape_count; i++) out[i] = fit_dimension(&info->dims[i], wanted[i]);
  for (uint32_t i = 0; i < info->shape_count; i++) {
    const int32_t *shape = info->shapes + (size_t)i * info->rank;
    double more = best ? share(shape, wanted, info->rank) - share(best, wanted, info->rank) : 1;
    if (more > 0 || (more == 0 && elements(shape, info->rank) < elements(best, info->rank))) best = shape;
  }
  for (uint32_t i = 0; best && i < info->rank; i++) out[i] = best[i];
}
