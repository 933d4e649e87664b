import { config } from "zod";

// All of src imports zod from here, so that this holds for every schema. Each is used a few times in a run: generating a parser for
// it would cost more than it saves.
config({ jitless: true });

export * from "zod";
