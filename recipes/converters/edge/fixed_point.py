"""Factors as whole numbers, as recipes/kernels/include/edge_kernels.h defines what is done with them."""

import math

MOST = 2**31 - 1


def fixed(factor):
    """(multiplier, shift) of EDGE_REQUANT_FIXED for a factor above 0: multiplier * 2^-31 * 2^-shift, the multiplier at least 2^30."""
    mantissa, exponent = math.frexp(factor)
    multiplier = round(mantissa * 2**31)
    if multiplier > MOST:
        multiplier, exponent = multiplier // 2, exponent + 1
    if -exponent > 31:
        # So small that every sum becomes 0 or a rounded one.
        return (multiplier >> min(31, -exponent - 31), 31)
    if exponent > 31:
        raise ValueError("a factor of %g" % factor)
    return (multiplier, -exponent)


def wide(factor):
    """(multiplier, shift) for a product in 64 bits: (x * multiplier + 2^(shift - 1)) >> shift, 1 <= shift <= 62."""
    mantissa, exponent = math.frexp(factor)
    multiplier, shift = round(mantissa * 2**31), 31 - exponent
    if multiplier > MOST:
        multiplier, shift = multiplier // 2, shift - 1
    while shift > 62:
        multiplier, shift = multiplier // 2, shift - 1
    if shift < 1:
        raise ValueError("a factor of %g" % factor)
    return (multiplier, shift)


def shared(factors):
    """(multipliers, shift) for RSHR(HIGH(x << 16, multiplier), shift), one shift for all: as exact as 31 bits allow."""
    shift = 31
    while shift >= 0:
        multipliers = [round(factor * 2.0 ** (15 + shift)) for factor in factors]
        # The sum of two of them, times 255, stays within 31 bits.
        if all(one <= MOST for one in multipliers) and sum(factors) * 255 * 2.0**shift < 2**30:
            return (multipliers, shift)
        shift -= 1
    raise ValueError("factors of %s" % ", ".join("%g" % factor for factor in factors))
