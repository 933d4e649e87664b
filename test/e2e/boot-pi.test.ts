import { bootedWith } from "./proven.js";
import { boardsReadPictures } from "./reads-pictures.js";

/** One picture at start, and one of two lines by HTTP: the emulated Raspberry Pis take longest. */
await boardsReadPictures({ boards: bootedWith("reader", (machine) => machine !== "virt"), count: 1 });
