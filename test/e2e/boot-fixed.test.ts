import { bootedWith, hasFixedShapes } from "./proven.js";
import { boardsReadPictures } from "./reads-pictures.js";

/**
 * The engines whose models have one shape each: the same app, which asks for the shapes that there are. A small one for the pictures of 352 x 192 and
 * less, and one for their lines, spare each engine the conversions and checks at the example's largest.
 */
await boardsReadPictures({
  boards: bootedWith("reader", (machine, engine) => machine === "virt" && hasFixedShapes(engine)),
  count: 4,
  fixed: { det: [[1, 3, 192, 352]], rec: [[1, 3, 48, 320]] },
});
