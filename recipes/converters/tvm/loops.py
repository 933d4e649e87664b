"""How the loops of a model's operators are nested: TVM leaves them as their mathematics reads, the sum innermost.

A product (convolution, matrix product) is computed in tiles: sums of several channels or rows at several places of the last dimension are kept in
registers, vectors of places, and what follows the product is applied to a tile. Tiles and large loops are spread over threads. Sizes are
divisors of the extents, and nothing is measured: the same model gives the same loops.
"""

from tvm import ir, s_tir, tirx

# Floats of a tile: half of the 32 registers of 4.
TILE = 64
# The most places that a tile has, and channels or rows.
PLACES, CHANNELS = 16, 16
# Work below which threads cost more than they save, in elements of a result.
SMALL = 16384


def divisor(extent, largest):
    return max(one for one in range(1, min(extent, largest) + 1) if extent % one == 0)


def extents(schedule, loops):
    return [int(schedule.get(loop).extent) for loop in loops]


def is_reduction(schedule, block):
    return any(axis.iter_type == tirx.IterVar.CommReduce for axis in schedule.get(block).iter_vars)


def is_copy(schedule, block):
    """Whether a block only moves values, as padding by nothing does."""
    body = schedule.get(block).body
    return isinstance(body, tirx.BufferStore) and isinstance(body.value, ir.TensorLoad)


def spread(schedule, loops):
    """Gives a block without sums to threads: all its loops but the last."""
    size = 1
    for extent in extents(schedule, loops):
        size *= extent
    if len(loops) > 1 and size >= SMALL:
        schedule.parallel(schedule.fuse(*loops[:-1]))


def tile_product(schedule, product, last, name):
    """Computes `product` in tiles of `last`, which has the same extents and is computed of it."""
    loops = schedule.get_loops(last)
    sizes = extents(schedule, loops)
    channel = 1 if "conv" in name else len(loops) - 2
    places = divisor(sizes[-1], PLACES)
    channels = divisor(sizes[channel], min(CHANNELS, max(1, TILE // places)))
    outer_place, place = schedule.split(loops[-1], [None, places])
    outer_channel, inner_channel = schedule.split(loops[channel], [None, channels])
    outer = [outer_channel if index == channel else loop for index, loop in enumerate(loops[:-1])]
    schedule.reorder(*outer, outer_place, inner_channel, place)
    schedule.compute_at(product, outer_place, preserve_unit_loops=True)
    schedule.set_scope(product, 0, "local")
    inner = schedule.get_loops(product)[len(outer) + 1 :]
    kinds = [axis.iter_type for axis in schedule.get(product).iter_vars]
    sums = inner[len(inner) - kinds.count(tirx.IterVar.CommReduce) :]
    spatial = inner[: len(inner) - len(sums)]
    schedule.reorder(*sums, *spatial)
    for loop in sums[1:]:
        if int(schedule.get(loop).extent) <= 5:
            schedule.unroll(loop)
    schedule.vectorize(place)
    schedule.unroll(inner_channel)
    *others, vector = spatial
    schedule.vectorize(vector)
    for loop in others:
        schedule.unroll(loop)
    fused = schedule.fuse(*outer)
    if int(schedule.get(fused).extent) > 1:
        schedule.parallel(fused)
    # Last: a sum without its beginning is not taken for one.
    first = schedule.decompose_reduction(product, sums[0])
    *others, vector = schedule.get_loops(first)[-len(spatial) :]
    if schedule.get(vector).kind != tirx.ForKind.VECTORIZED:
        schedule.vectorize(vector)
    for loop in others:
        schedule.unroll(loop)


def arrange(schedule, name):
    root = schedule.get_sblock("root")
    blocks = list(schedule.get_child_blocks(root))
    products = [block for block in blocks if is_reduction(schedule, block)]
    if len(products) > 1:
        return
    if not products:
        for block in blocks[:-1]:
            schedule.compute_inline(block)
        spread(schedule, schedule.get_loops(blocks[-1]))
        return
    (product,) = products
    position = [schedule.get(block).name_hint for block in blocks].index(schedule.get(product).name_hint)
    before, after = blocks[:position], blocks[position + 1 :]
    axes = schedule.get(product).iter_vars
    places = [int(axis.dom.extent) for axis in axes if axis.iter_type != tirx.IterVar.CommReduce]
    if len(places) < 2 or places[-1] < 2:
        return
    for block in before:
        if is_copy(schedule, block):
            schedule.compute_inline(block)
        else:
            spread(schedule, schedule.get_loops(block))
    # What follows as long as it has the product's extents.
    same = []
    for block in after:
        if extents(schedule, schedule.get_loops(block)) != places:
            break
        same.append(block)
    if not same:
        same = [schedule.cache_write(product, 0, "global")]
    for block in same[:-1]:
        schedule.compute_inline(block)
    tile_product(schedule, product, same[-1], schedule.get(product).name_hint)


def arranged(function):
    """A function of one operator, or of several that were fused, with its loops arranged; as it is where that is not possible."""
    schedule = s_tir.Schedule(function)
    try:
        arrange(schedule, function)
    except Exception:
        # An operator of another form than those above. Its loops are right as they are.
        return function
    return schedule.mod["main"].with_attr("tirx.is_scheduled", True)
