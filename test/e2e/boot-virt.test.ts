import { pictures } from "../pictures/render.js";
import { bootedWith } from "./proven.js";
import { boardsReadPictures } from "./reads-pictures.js";

/** Every engine on one board at least, and ncnn, which is compiled for the core, on one of each core: `proven.on` of the recipes. */
await boardsReadPictures({
  boards: bootedWith("reader", (machine) => machine === "virt"),
  count: pictures.length,
});
