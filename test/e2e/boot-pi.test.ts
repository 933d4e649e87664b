import { bootedWith } from "./proven.js";
import { boardsReadPictures } from "./reads-pictures.js";

/** The emulated Raspberry Pis take twice as long for a picture: they get those in which everything differs once. */
await boardsReadPictures({ boards: bootedWith("reader", (machine) => machine !== "virt"), count: 4 });
