/*
 * The supplicant's interface to large numbers and elliptic curves (crypto.h), on Mbed TLS: what SAE, WPA3's exchange, needs beyond the hashes and
 * AES that the supplicant brings. Of curves there is one.
 *
 * Ownership: what an _init, _init_set, _init_uint, _from_bin or _compute_y_sqr function returns belongs to the caller until the matching _deinit;
 * pointers that a _get_ function returns belong to the curve. A function returns 0, or -1 and leaves its result unspecified.
 */
#include <mbedtls/bignum.h>
#include <mbedtls/ecp.h>
#include <mbedtls/platform_util.h>

#include "includes.h"

#include "common.h"
#include "crypto/crypto.h"

/* A struct crypto_bignum is an mbedtls_mpi, and a struct crypto_ec_point an mbedtls_ecp_point: both are opaque to the supplicant. */
static mbedtls_mpi *mpi(struct crypto_bignum *n)
{
    return (mbedtls_mpi *)n;
}

static const mbedtls_mpi *number(const struct crypto_bignum *n)
{
    return (const mbedtls_mpi *)n;
}

static mbedtls_ecp_point *ecp(struct crypto_ec_point *p)
{
    return (mbedtls_ecp_point *)p;
}

static const mbedtls_ecp_point *point(const struct crypto_ec_point *p)
{
    return (const mbedtls_ecp_point *)p;
}

struct crypto_ec {
    mbedtls_ecp_group group;
    /* The curve's coefficient a, which Mbed TLS leaves empty where it is -3. */
    mbedtls_mpi a;
};

static int result(int error)
{
    return error == 0 ? 0 : -1;
}

static int random_bytes(void *context, unsigned char *bytes, size_t length)
{
    (void)context;
    return os_get_random(bytes, length) == 0 ? 0 : MBEDTLS_ERR_ECP_RANDOM_FAILED;
}

struct crypto_bignum *crypto_bignum_init(void)
{
    mbedtls_mpi *made = os_malloc(sizeof(*made));
    if (made != NULL)
        mbedtls_mpi_init(made);
    return (struct crypto_bignum *)made;
}

struct crypto_bignum *crypto_bignum_init_set(const u8 *bytes, size_t length)
{
    struct crypto_bignum *made = crypto_bignum_init();
    if (made != NULL && mbedtls_mpi_read_binary(mpi(made), bytes, length) != 0) {
        crypto_bignum_deinit(made, 1);
        return NULL;
    }
    return made;
}

struct crypto_bignum *crypto_bignum_init_uint(unsigned int value)
{
    const u8 bytes[4] = {(u8)(value >> 24), (u8)(value >> 16), (u8)(value >> 8), (u8)value};
    return crypto_bignum_init_set(bytes, sizeof(bytes));
}

/* Mbed TLS always clears what it frees. */
void crypto_bignum_deinit(struct crypto_bignum *n, int clear)
{
    (void)clear;
    if (n == NULL)
        return;
    mbedtls_mpi_free(mpi(n));
    os_free(n);
}

int crypto_bignum_to_bin(const struct crypto_bignum *a, u8 *bytes, size_t size, size_t padded)
{
    size_t length = mbedtls_mpi_size(number(a));
    if (padded > length)
        length = padded;
    if (length > size)
        return -1;
    return mbedtls_mpi_write_binary(number(a), bytes, length) == 0 ? (int)length : -1;
}

int crypto_bignum_rand(struct crypto_bignum *r, const struct crypto_bignum *m)
{
    return result(mbedtls_mpi_random(mpi(r), 0, number(m), random_bytes, NULL));
}

int crypto_bignum_add(const struct crypto_bignum *a, const struct crypto_bignum *b, struct crypto_bignum *c)
{
    return result(mbedtls_mpi_add_mpi(mpi(c), number(a), number(b)));
}

int crypto_bignum_mod(const struct crypto_bignum *a, const struct crypto_bignum *b, struct crypto_bignum *c)
{
    return result(mbedtls_mpi_mod_mpi(mpi(c), number(a), number(b)));
}

int crypto_bignum_exptmod(const struct crypto_bignum *a, const struct crypto_bignum *b, const struct crypto_bignum *c,
                          struct crypto_bignum *d)
{
    /* The result may be the exponent's place, which Mbed TLS would write to before it has read all of it. */
    mbedtls_mpi power;
    mbedtls_mpi_init(&power);
    int failed = mbedtls_mpi_exp_mod(&power, number(a), number(b), number(c), NULL);
    if (failed == 0)
        failed = mbedtls_mpi_copy(mpi(d), &power);
    mbedtls_mpi_free(&power);
    return result(failed);
}

int crypto_bignum_inverse(const struct crypto_bignum *a, const struct crypto_bignum *b, struct crypto_bignum *c)
{
    return result(mbedtls_mpi_inv_mod(mpi(c), number(a), number(b)));
}

int crypto_bignum_sub(const struct crypto_bignum *a, const struct crypto_bignum *b, struct crypto_bignum *c)
{
    return result(mbedtls_mpi_sub_mpi(mpi(c), number(a), number(b)));
}

int crypto_bignum_div(const struct crypto_bignum *a, const struct crypto_bignum *b, struct crypto_bignum *c)
{
    return result(mbedtls_mpi_div_mpi(mpi(c), NULL, number(a), number(b)));
}

int crypto_bignum_addmod(const struct crypto_bignum *a, const struct crypto_bignum *b, const struct crypto_bignum *c,
                         struct crypto_bignum *d)
{
    if (mbedtls_mpi_add_mpi(mpi(d), number(a), number(b)) != 0)
        return -1;
    return crypto_bignum_mod(d, c, d);
}

int crypto_bignum_mulmod(const struct crypto_bignum *a, const struct crypto_bignum *b, const struct crypto_bignum *c,
                         struct crypto_bignum *d)
{
    if (mbedtls_mpi_mul_mpi(mpi(d), number(a), number(b)) != 0)
        return -1;
    return crypto_bignum_mod(d, c, d);
}

int crypto_bignum_sqrmod(const struct crypto_bignum *a, const struct crypto_bignum *b, struct crypto_bignum *c)
{
    return crypto_bignum_mulmod(a, a, b, c);
}

int crypto_bignum_rshift(const struct crypto_bignum *a, int n, struct crypto_bignum *r)
{
    if (n < 0 || mbedtls_mpi_copy(mpi(r), number(a)) != 0)
        return -1;
    return result(mbedtls_mpi_shift_r(mpi(r), (size_t)n));
}

int crypto_bignum_cmp(const struct crypto_bignum *a, const struct crypto_bignum *b)
{
    return mbedtls_mpi_cmp_mpi(number(a), number(b));
}

int crypto_bignum_is_zero(const struct crypto_bignum *a)
{
    return mbedtls_mpi_cmp_int(number(a), 0) == 0;
}

int crypto_bignum_is_one(const struct crypto_bignum *a)
{
    return mbedtls_mpi_cmp_int(number(a), 1) == 0;
}

int crypto_bignum_is_odd(const struct crypto_bignum *a)
{
    return mbedtls_mpi_get_bit(number(a), 0);
}

/* Euler's criterion: a to the power of (p - 1) / 2 is 0, 1 or p - 1. Returns 0, 1, -1 as the symbol is; -2 on failure. */
int crypto_bignum_legendre(const struct crypto_bignum *a, const struct crypto_bignum *p)
{
    int symbol = -2;
    mbedtls_mpi power, exponent;
    mbedtls_mpi_init(&power);
    mbedtls_mpi_init(&exponent);
    if (mbedtls_mpi_sub_int(&exponent, number(p), 1) == 0 && mbedtls_mpi_shift_r(&exponent, 1) == 0 &&
        mbedtls_mpi_exp_mod(&power, number(a), &exponent, number(p), NULL) == 0) {
        const int isZero = mbedtls_mpi_cmp_int(&power, 0) == 0;
        const int isOne = mbedtls_mpi_cmp_int(&power, 1) == 0;
        symbol = isOne - (!isZero && !isOne);
    }
    mbedtls_mpi_free(&exponent);
    mbedtls_mpi_free(&power);
    return symbol;
}

/* The group that every access point with WPA3 has: NIST P-256, 19 of IKE's. */
#define GROUP 19

struct crypto_ec *crypto_ec_init(int group)
{
    if (group != GROUP)
        return NULL;
    struct crypto_ec *made = os_malloc(sizeof(*made));
    if (made == NULL)
        return NULL;
    mbedtls_ecp_group_init(&made->group);
    mbedtls_mpi_init(&made->a);
    if (mbedtls_ecp_group_load(&made->group, MBEDTLS_ECP_DP_SECP256R1) != 0 || mbedtls_mpi_sub_int(&made->a, &made->group.P, 3) != 0) {
        crypto_ec_deinit(made);
        return NULL;
    }
    return made;
}

void crypto_ec_deinit(struct crypto_ec *e)
{
    if (e == NULL)
        return;
    mbedtls_mpi_free(&e->a);
    mbedtls_ecp_group_free(&e->group);
    os_free(e);
}

size_t crypto_ec_prime_len(struct crypto_ec *e)
{
    return mbedtls_mpi_size(&e->group.P);
}

size_t crypto_ec_prime_len_bits(struct crypto_ec *e)
{
    return mbedtls_mpi_bitlen(&e->group.P);
}

size_t crypto_ec_order_len(struct crypto_ec *e)
{
    return mbedtls_mpi_size(&e->group.N);
}

const struct crypto_bignum *crypto_ec_get_prime(struct crypto_ec *e)
{
    return (const struct crypto_bignum *)&e->group.P;
}

const struct crypto_bignum *crypto_ec_get_order(struct crypto_ec *e)
{
    return (const struct crypto_bignum *)&e->group.N;
}

const struct crypto_bignum *crypto_ec_get_a(struct crypto_ec *e)
{
    return (const struct crypto_bignum *)&e->a;
}

const struct crypto_bignum *crypto_ec_get_b(struct crypto_ec *e)
{
    return (const struct crypto_bignum *)&e->group.B;
}

const struct crypto_ec_point *crypto_ec_get_generator(struct crypto_ec *e)
{
    return (const struct crypto_ec_point *)&e->group.G;
}

struct crypto_ec_point *crypto_ec_point_init(struct crypto_ec *e)
{
    (void)e;
    mbedtls_ecp_point *made = os_malloc(sizeof(*made));
    if (made != NULL)
        mbedtls_ecp_point_init(made);
    return (struct crypto_ec_point *)made;
}

void crypto_ec_point_deinit(struct crypto_ec_point *p, int clear)
{
    (void)clear;
    if (p == NULL)
        return;
    mbedtls_ecp_point_free(ecp(p));
    os_free(p);
}

/* A coordinate, and a point uncompressed: 4, x, y. Bytes. */
#define COORDINATE_SIZE 32
#define POINT_SIZE (1 + 2 * COORDINATE_SIZE)

/* Both coordinates, each as long as the curve's prime; the point at infinity has none. x or y may be NULL. */
int crypto_ec_point_to_bin(struct crypto_ec *e, const struct crypto_ec_point *p, u8 *x, u8 *y)
{
    const size_t length = crypto_ec_prime_len(e);
    u8 bytes[POINT_SIZE];
    size_t written = 0;
    const int failed = mbedtls_ecp_point_write_binary(&e->group, point(p), MBEDTLS_ECP_PF_UNCOMPRESSED, &written,
                                                      bytes, sizeof(bytes)) != 0 ||
                       written != 1 + 2 * length;
    if (!failed && x != NULL)
        os_memcpy(x, bytes + 1, length);
    if (!failed && y != NULL)
        os_memcpy(y, bytes + 1 + length, length);
    mbedtls_platform_zeroize(bytes, sizeof(bytes));
    return failed ? -1 : 0;
}

int crypto_ec_point_x(struct crypto_ec *e, const struct crypto_ec_point *p, struct crypto_bignum *x)
{
    u8 bytes[COORDINATE_SIZE];
    int failed = crypto_ec_point_to_bin(e, p, bytes, NULL);
    if (failed == 0)
        failed = result(mbedtls_mpi_read_binary(mpi(x), bytes, crypto_ec_prime_len(e)));
    mbedtls_platform_zeroize(bytes, sizeof(bytes));
    return failed;
}

/* From x and y as above; NULL for what is no point of the curve. */
struct crypto_ec_point *crypto_ec_point_from_bin(struct crypto_ec *e, const u8 *coordinates)
{
    const size_t length = crypto_ec_prime_len(e);
    u8 bytes[POINT_SIZE] = {4};
    struct crypto_ec_point *made = crypto_ec_point_init(e);
    if (made == NULL)
        return NULL;
    os_memcpy(bytes + 1, coordinates, 2 * length);
    const int failed = mbedtls_ecp_point_read_binary(&e->group, ecp(made), bytes, 1 + 2 * length) != 0 ||
                       mbedtls_ecp_check_pubkey(&e->group, ecp(made)) != 0;
    mbedtls_platform_zeroize(bytes, sizeof(bytes));
    if (!failed)
        return made;
    crypto_ec_point_deinit(made, 1);
    return NULL;
}

int crypto_ec_point_add(struct crypto_ec *e, const struct crypto_ec_point *a, const struct crypto_ec_point *b,
                        struct crypto_ec_point *c)
{
    mbedtls_mpi one;
    mbedtls_mpi_init(&one);
    int failed = mbedtls_mpi_lset(&one, 1);
    if (failed == 0)
        failed = mbedtls_ecp_muladd(&e->group, ecp(c), &one, point(a), &one, point(b));
    mbedtls_mpi_free(&one);
    return result(failed);
}

int crypto_ec_point_mul(struct crypto_ec *e, const struct crypto_ec_point *p, const struct crypto_bignum *b,
                        struct crypto_ec_point *res)
{
    return result(mbedtls_ecp_mul(&e->group, ecp(res), number(b), point(p), random_bytes, NULL));
}

/* (x, y) -> (x, p - y). */
int crypto_ec_point_invert(struct crypto_ec *e, struct crypto_ec_point *p)
{
    mbedtls_mpi *y = &ecp(p)->MBEDTLS_PRIVATE(Y);
    if (mbedtls_ecp_is_zero(ecp(p)) || mbedtls_mpi_cmp_int(y, 0) == 0)
        return 0;
    return result(mbedtls_mpi_sub_mpi(y, &e->group.P, y));
}

struct crypto_bignum *crypto_ec_point_compute_y_sqr(struct crypto_ec *e, const struct crypto_bignum *x)
{
    const struct crypto_bignum *prime = crypto_ec_get_prime(e);
    struct crypto_bignum *y = crypto_bignum_init();
    /* ((x * x) + a) * x + b */
    if (y == NULL || (crypto_bignum_sqrmod(x, prime, y) == 0 && crypto_bignum_addmod(y, crypto_ec_get_a(e), prime, y) == 0 &&
                      crypto_bignum_mulmod(y, x, prime, y) == 0 &&
                      crypto_bignum_addmod(y, crypto_ec_get_b(e), prime, y) == 0))
        return y;
    crypto_bignum_deinit(y, 1);
    return NULL;
}

int crypto_ec_point_is_at_infinity(struct crypto_ec *e, const struct crypto_ec_point *p)
{
    (void)e;
    return mbedtls_ecp_is_zero((mbedtls_ecp_point *)p);
}

int crypto_ec_point_is_on_curve(struct crypto_ec *e, const struct crypto_ec_point *p)
{
    return mbedtls_ecp_check_pubkey(&e->group, point(p)) == 0;
}

int crypto_ec_point_cmp(const struct crypto_ec *e, const struct crypto_ec_point *a, const struct crypto_ec_point *b)
{
    (void)e;
    return mbedtls_ecp_point_cmp(point(a), point(b)) == 0 ? 0 : 1;
}

/* For debug output, of which there is none. */
void crypto_ec_point_debug_print(const struct crypto_ec *e, const struct crypto_ec_point *p, const char *title)
{
    (void)e;
    (void)p;
    (void)title;
}
