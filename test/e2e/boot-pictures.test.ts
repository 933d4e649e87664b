import { bootedWith } from "./proven.js";
import { boardsReadPictures } from "./reads-pictures.js";

/** Half of the rendered pictures and the photograph, by one engine; `run-host` reads all of them. An emulated board takes 12 s for each. */
await boardsReadPictures({
  boards: bootedWith("reader", (machine, engine) => machine === "virt" && engine === "ncnn"),
  count: 6,
  photograph: true,
});
