import { bootedWith, hasFixedShapes } from "./proven.js";
import { boardsReadPictures } from "./reads-pictures.js";

/**
 * The engines whose models have one shape each: the same app, which asks for the shapes that there are. A small one for the pictures of 352 x 192 and
 * less spares each engine the check at the example's largest. One picture at start, and one of two lines by HTTP.
 */
await boardsReadPictures({
  boards: bootedWith("reader", (machine, engine) => machine === "virt" && hasFixedShapes(engine)),
  count: 1,
  fixed: { det: [[1, 3, 192, 352]] },
});
