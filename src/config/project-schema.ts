import { name, sha256, size, sizeBetween } from "../catalog/common.js";
import { dispatched } from "../catalog/dispatch.js";
import { parseSshPublicKey, SshKeyError } from "../formats/ssh-public-key.js";
import * as z from "../ground/zod.js";
import { modelSchema } from "./model-schema.js";
import { testsSchema } from "./tests-schema.js";
import { wifiSchema } from "./wifi-schema.js";

const relativePath = z
  .string()
  .min(1)
  .max(4096)
  .refine(
    (path) => !path.startsWith("/") && !path.split("/").includes(".."),
    "a path inside the project's folder, like app/main.ts",
  )
  .refine((path) => !path.includes("\0"), "no zero bytes");

export const envName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, "letters, digits and _, as in LOG_LEVEL");
/** One line without control characters: it becomes a line of /etc/edgeimg/app.env. */
export const envValue = z
  .union([z.string().regex(/^[^\p{Cc}]*$/u, "one line of text"), z.number(), z.boolean()])
  .transform(String);

const app = z.strictObject({
  entry: relativePath.meta({
    description: "The TypeScript file that starts the app. It is type-checked, bundled and compiled to bytecode.",
    examples: ["app/main.ts"],
  }),
  assets: z
    .array(relativePath)
    .max(1000)
    .default([])
    .meta({
      description:
        "Files and folders copied to /app/assets. A folder's contents land there under their own names, a file under its name.",
      examples: [["app/assets"]],
    }),
  env: z
    .record(envName, envValue)
    .default({})
    .meta({
      description: "Variables that the app finds in `env` of `edge:process`.",
      examples: [{ LOG_LEVEL: "info" }],
    }),
  dispatched: dispatched.meta({
    description:
      "Programs and libraries among the assets that ask the processor for extensions of the instruction set before they use them. A build refuses files with instructions that the board's core lacks.",
    examples: [[{ files: ["app/assets/libfast.so"], extensions: ["dotprod"], reason: "asks getauxval at start" }]],
  }),
});

/** The pattern is for editors; what is checked is the key itself. */
export const publicKey = z
  .string()
  .superRefine((text, { addIssue }) => {
    try {
      parseSshPublicKey(text);
    } catch (error) {
      if (!(error instanceof SshKeyError)) throw error;
      addIssue({
        code: "custom",
        message: `no usable public key, as the file id_ed25519.pub holds one: ${error.message}`,
      });
    }
  })
  .meta({
    maxLength: 16384,
    pattern:
      "^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\\.com|sk-ecdsa-sha2-nistp256@openssh\\.com) [A-Za-z0-9+/]+={0,3}( [^\\p{Cc}]*)?$",
  });

export const hostname = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "lower-case letters, digits and inner dashes, at most 63");

const octet = "(25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const ipv4 = z.string().regex(new RegExp(`^(${octet}\\.){3}${octet}$`), "an IPv4 address, like 192.168.1.1");
const staticNetwork = z.strictObject({
  address: z
    .string()
    .regex(
      new RegExp(`^(${octet}\\.){3}${octet}/([1-9]|[12]\\d|3[0-2])$`),
      "an IPv4 address with prefix, like 192.168.1.20/24",
    )
    .meta({ description: "IPv4 address and prefix length.", examples: ["192.168.1.20/24"] }),
  gateway: ipv4.optional().meta({ description: "Where packets for other networks go.", examples: ["192.168.1.1"] }),
  dns: z
    .array(ipv4)
    .max(3)
    .default([])
    .meta({ description: "Name servers.", examples: [["192.168.1.1"]] }),
});

const system = z.strictObject({
  hostname: hostname
    .optional()
    .meta({ description: "The device's name in the network. Default: the project's name.", examples: ["reader-1"] }),
  timezone: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+){0,2}$/, "a name of the time zone database, like Europe/Berlin")
    .default("UTC")
    .meta({ description: "A name of the time zone database.", examples: ["Europe/Berlin"] }),
  ssh: z
    .strictObject({
      server: z.boolean().default(true).meta({
        description:
          "Puts the ssh server into the image. It serves only when there is a key: one of these, or one that `edgeimg flash --ssh-key` gave to a card.",
      }),
      authorizedKeys: z
        .array(publicKey)
        .max(100)
        .default([])
        .meta({
          description: "Public keys that may log in as root. Passwords never log in.",
          examples: [["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPL me@laptop"]],
        }),
    })
    .refine(({ server, authorizedKeys }) => server || authorizedKeys.length === 0, {
      message: "keys without a server: leave `server` out, or the keys",
    })
    .prefault({})
    .meta({ description: "Remote login." }),
  network: z
    .union([z.literal("dhcp"), staticNetwork])
    .default("dhcp")
    .meta({
      description: "How Ethernet gets its address: `dhcp`, or a fixed address.",
      examples: ["dhcp", { address: "192.168.1.20/24" }],
    }),
  wifi: wifiSchema.optional().meta({
    description:
      "Wi-Fi, on boards whose file has a radio (docs/wifi.md). Without networks the image has what Wi-Fi needs, and `edgeimg flash --wifi` gives each card its network.",
    examples: [{ country: "DE", networks: [{ ssid: "Home", passphrase: "correct horse battery" }] }],
  }),
  debug: z.boolean().default(false).meta({
    description:
      "A root shell without password on the serial console. For the bench, never for the field; the build says so.",
  }),
});

const image = z.strictObject({
  filesystem: z
    .enum(["squashfs", "erofs", "ext4"])
    .default("squashfs")
    .meta({ description: "The read-only root: squashfs is smallest, erofs reads faster, ext4 is for debugging." }),
  bootSize: sizeBetween("1MiB", "32GiB")
    .optional()
    .meta({ description: "Size of the FAT boot partition. Default: the board's.", examples: ["64MiB"] }),
  dataSize: sizeBetween("1MiB", "1024GiB")
    .prefault("32MiB")
    .meta({
      description: "Size of the /data partition in the image file. At first boot it grows to the card's end.",
      examples: ["32MiB"],
    }),
  compress: z.boolean().default(true).meta({ description: "Also write IMAGE.zst, the file to hand out." }),
  url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({
      description:
        "Folder that the images are served from, for the manifest of Raspberry Pi Imager. Default: the output folder.",
      examples: ["https://downloads.example.org/reader"],
    }),
});

const budget = z.strictObject({
  image: size.optional().meta({ description: "The SD-card image, unpacked.", examples: ["128MiB"] }),
  compressed: size.optional().meta({ description: "IMAGE.zst.", examples: ["40MB"] }),
  rootfs: size.optional().meta({ description: "The root file system as it lies on the card.", examples: ["24MB"] }),
  boot: size.optional().meta({ description: "The boot partition's files.", examples: ["20MB"] }),
  models: size.optional().meta({ description: "The files of /models, before compression.", examples: ["20MB"] }),
  app: size.optional().meta({ description: "The files of /app, before compression.", examples: ["2MB"] }),
});

const names = z
  .union([name, z.array(name).min(1).max(64)])
  .transform((value) => (typeof value === "string" ? [value] : value));

const list = (what: string) => z.array(name).min(1).max(64).optional().meta({ description: what });

const matrix = z.strictObject({
  boards: list("Boards. Default: `board`.").meta({ examples: [["rpi4", "rpi3"]] }),
  engines: list("Engines. Default: `engine`.").meta({ examples: [["ncnn", "onnxruntime"]] }),
  exclude: z
    .array(
      z
        .strictObject({
          board: name.optional().meta({ description: "A board; all of them when absent.", examples: ["rpi3"] }),
          engine: name.optional().meta({ description: "An engine; all of them when absent.", examples: ["ncnn"] }),
        })
        .refine((one) => one.board !== undefined || one.engine !== undefined, "give `board`, `engine` or both"),
    )
    .max(1000)
    .default([])
    .meta({ description: "Combinations that are left out.", examples: [[{ board: "rpi3", engine: "onnxruntime" }]] }),
});

/** Which of an engine's operators are built. */
const operators = z.enum(["all", "model"]);
export type Operators = z.infer<typeof operators>;

/** The name of an engine that is chosen by a comparison. */
export const autoEngine = "auto";

/** By which of its figures a comparison chooses. */
const chooseBy = z.enum(["instructions", "memory", "image", "latency"]);
export type ChooseBy = z.infer<typeof chooseBy>;

const oneEngine = z
  .strictObject({
    name: name.meta({
      description: `The engine; \`${autoEngine}\` for the one that a comparison chooses (docs/bench.md).`,
      examples: ["ncnn"],
    }),
    by: chooseBy.optional().meta({
      description: `With \`${autoEngine}\`: the figure whose least value chooses, of all models together. Default: instructions.`,
      examples: ["memory"],
    }),
    bench: z
      .string()
      .min(1)
      .max(4096)
      .optional()
      .meta({
        description: `With \`${autoEngine}\`: the file of the comparison. Default: what \`edgeimg bench\` wrote for the board last.`,
        examples: ["tests/bench.json"],
      }),
    ops: operators.default("all").meta({
      description:
        "`model`: the engine's library is built with the operators that the project's models use, and those that these need; some engines only (docs/engines.md).",
      examples: ["model"],
    }),
  })
  .refine(
    ({ name, by, bench }) => name === autoEngine || (by === undefined && bench === undefined),
    `\`by\` and \`bench\` belong to the engine \`${autoEngine}\``,
  )
  .refine(
    ({ name, ops }) => name !== autoEngine || ops === "all",
    `\`ops: model\` needs the name of the engine, not \`${autoEngine}\``,
  );

const engine = z.union([name, oneEngine]);

/** `edgeimg.yaml`. The reference in docs/reference/project.md and the JSON Schema for editors are made from this. */
export const projectSchema = z.strictObject({
  format: z.literal(1).meta({ description: "Version of this file's format. Always 1 so far.", examples: [1] }),
  name: name.meta({
    description: "The project's name: files of the build are called after it.",
    examples: ["my-reader"],
  }),
  board: names.optional().meta({
    description: "Board, or boards, to build for. `edgeimg boards` lists them. The flag --board goes first.",
    examples: ["rpi4", ["rpi4", "rpi3"]],
  }),
  engine: engine.optional().meta({
    description:
      "Inference engine, by its name, or as a mapping with more about it. `edgeimg engines` lists them. The flag --engine goes first; what is told of an engine here holds for that engine alone.",
    examples: ["ncnn", { name: "ncnn", ops: "model" }, { name: "auto", by: "memory" }],
  }),
  matrix: matrix.prefault({}).meta({
    description:
      "Combinations of boards and engines that `edgeimg build --matrix`, `edgeimg lock` and CI pipelines are for: all of them, less `exclude`.",
  }),
  app: app.meta({ description: "The TypeScript app." }),
  models: z
    .record(name, modelSchema)
    .default({})
    .meta({ description: "Models by the name that the app passes to `load` of `edge:nn`." }),
  supplied: z
    .record(z.string().startsWith("pkg:").max(2000), sha256)
    .default({})
    .meta({
      description:
        "sha256 of archives that you supply in the folder `sources` and of which the recipe knows no hash: by package URL, behind # the file's name where the recipe has one, as the message of the build says it.",
      examples: [
        {
          "pkg:github/owner/engine@v1.0": "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
        },
      ],
    }),
  kernels: z.boolean().default(false).meta({
    description: "Puts the quantized kernels into the image: the app may import `edge:kernels`.",
  }),
  system: system.prefault({}).meta({ description: "The device." }),
  packages: z
    .array(z.string().regex(/^[a-z0-9][a-z0-9+.-]{1,99}$/, "a Debian package name"))
    .max(500)
    .default([])
    .meta({
      description:
        "Further Debian packages, put on the image with what they depend on, but without documentation. Character set conversions (`gconv`), translations, headers and static libraries come only from packages that are named here: `libc6` brings `gconv`.",
      examples: [["v4l-utils"]],
    }),
  image: image.prefault({}).meta({ description: "The SD-card image." }),
  budget: budget.prefault({}).meta({
    description:
      "Sizes that a build may not exceed. One that does fails with exit code 3, names the largest packages and what grew most, and leaves the last result as it is.",
  }),
  tests: testsSchema.prefault({}).meta({ description: "What `edgeimg test` expects of the booted image." }),
});

/** Parts of an image that a budget may limit. */
export type Budget = z.infer<typeof budget>;

/** A project as the rest of edgeimg sees it: defaults filled in, sizes in bytes, lists where one name may stand. */
export type Project = z.infer<typeof projectSchema>;
