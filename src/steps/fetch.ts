import { join } from "node:path";
import { placeBlob } from "../fetch/fetcher.js";
import * as z from "../ground/zod.js";
import { defineKind } from "./kind.js";

const file = z.strictObject({
  purl: z.string(),
  name: z
    .string()
    .regex(/^[^/\0]+$/)
    .refine((name) => name !== "." && name !== ".."),
  path: z.string().optional(),
  sha256: z.string(),
  size: z.number().optional(),
  supplied: z.string().optional(),
});

const params = z.strictObject({ files: z.array(file) });

/** The files that a fetch step brings. */
export function fetchedFiles(step: object): z.infer<typeof params>["files"] {
  return params.parse(step).files;
}

/** Brings pinned files: a tree of them by name. Keyed by their hashes alone, so it does not matter where they come from. */
export const fetchKind = defineKind({
  name: "fetch",
  version: 1,
  waits: true,
  params,
  key: ({ files }) => files.map(({ name, sha256 }) => ({ name, sha256 })),
  async run({ files }, context) {
    const { services } = context;
    const total = files.reduce((sum, one) => sum + (one.size ?? 0), 0);
    const received = new Map<string, number>();
    const fetches = files.map(async (one) => {
      await services.fetcher.fetchBlob(one, {
        signal: services.signal,
        progress(bytes) {
          received.set(one.sha256, bytes);
          context.progress(
            [...received.values()].reduce((sum, value) => sum + value, 0),
            total || undefined,
            "bytes",
          );
        },
      });
      await placeBlob(services.store, one.sha256, join(context.out, one.name));
    });
    const settled = await Promise.allSettled(fetches);
    for (const one of settled) if (one.status === "rejected") throw one.reason;
  },
});
