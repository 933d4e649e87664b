import { config } from "zod";

// Each schema is used a few times in a run: generating a parser for it would cost more than it saves.
config({ jitless: true });

export * from "zod";
