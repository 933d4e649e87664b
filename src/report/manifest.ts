import * as z from "../ground/zod.js";

const origin = z.object({ name: z.string(), version: z.string(), need: z.string().optional() });

/** `manifest.json` of an image, as far as something reads it again. */
export const manifestSchema = z.object({
  format: z.literal(1),
  project: z.string(),
  board: z.string(),
  /** `operators` are those that it was built with, when these are not all. */
  engine: origin.extend({ operators: z.array(z.string()).optional() }),
  /** Of quantized models: the sha256 of the model in floating point, and of all that it was calibrated with. */
  quantized: z.record(z.string(), z.object({ model: z.string(), calibration: z.string().nullable() })).optional(),
  image: z.object({ file: z.string(), bytes: z.number() }),
  root: z.object({ bytes: z.number() }),
  packages: z.array(origin),
  linked: z.array(origin),
  components: z.array(origin),
  files: z.array(
    z.object({
      part: z.string(),
      path: z.string(),
      size: z.number(),
      sha256: z.string().optional(),
      target: z.string().optional(),
      mode: z.string().optional(),
      package: z.string().optional(),
      version: z.string().optional(),
      license: z.string().optional(),
      contains: z.array(z.string()).optional(),
      neededBy: z.string().optional(),
    }),
  ),
});

export type Manifest = z.infer<typeof manifestSchema>;

/** An image's manifest, and the size of IMAGE.zst beside it when there is one. */
export interface ImageFacts {
  readonly manifest: Manifest;
  readonly compressed?: number | undefined;
}

/** What is measured of an image, in bytes. `rootfs` is the compressed file system; `boot`, `models` and `app` are sums of files. */
export function imageSizes({ manifest, compressed }: ImageFacts): Readonly<Record<string, number>> {
  const sum = (part: string, folder: string) =>
    manifest.files
      .filter((file) => file.part === part && file.path.startsWith(folder))
      .reduce((total, { size }) => total + size, 0);
  return {
    image: manifest.image.bytes,
    ...(compressed === undefined ? {} : { compressed }),
    rootfs: manifest.root.bytes,
    boot: sum("boot", ""),
    models: sum("root", "models/"),
    app: sum("root", "app/"),
  };
}
