/* nn_sha256.h: SHA-256 (FIPS 180-4), for names and checks of what engines keep. */
#ifndef EDGE_NN_SHA256_H
#define EDGE_NN_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define NN_SHA256_BYTES 32

typedef struct {
  uint32_t state[8];
  uint64_t length; /* bytes so far */
  uint8_t block[64];
} nn_sha256;

void nn_sha256_begin(nn_sha256 *hash);
void nn_sha256_add(nn_sha256 *hash, const void *bytes, size_t count);
/* Ends the hash; it is to be begun again before further use. */
void nn_sha256_end(nn_sha256 *hash, uint8_t digest[NN_SHA256_BYTES]);

#endif
