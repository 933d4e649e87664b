import * as z from "../ground/zod.js";

/** A network's name is 1 to 32 bytes of any kind; those that a text file can hold are taken. */
export const wifiSsid = z
  .string()
  .refine(
    (text) => Buffer.byteLength(text) >= 1 && Buffer.byteLength(text) <= 32 && !/\p{Cc}/u.test(text),
    "a network's name: 1 to 32 bytes without control characters",
  );
export const wifiPassphrase = z.string().regex(/^[ -~]{8,63}$/, "8 to 63 letters, digits and signs of ASCII");
export const wifiPsk = z.string().regex(/^[0-9a-fA-F]{64}$/, "64 hexadecimal digits");
export const wifiCountry = z.string().regex(/^[A-Z]{2}$/, "two capital letters, such as DE");

const network = z
  .strictObject({
    ssid: wifiSsid.meta({ description: "The network's name: 1 to 32 bytes.", examples: ["Home"] }),
    passphrase: wifiPassphrase.optional().meta({
      description: "8 to 63 characters of ASCII. Whoever has this file, or the image, has it.",
      examples: ["correct horse battery"],
    }),
    psk: wifiPsk.optional().meta({
      description: "In its place the key that is made of it, 64 hexadecimal digits: for WPA2 alone.",
      examples: ["f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"],
    }),
    hidden: z.boolean().default(false).meta({ description: "Whether the network does not tell its name." }),
    security: z
      .enum(["wpa2", "wpa3", "both", "open"])
      .optional()
      .meta({
        description: "Default: `both`, the better one that the access point has; `wpa2` with a `psk`.",
        examples: ["both"],
      }),
  })
  .superRefine(({ passphrase, psk, security }, { addIssue }) => {
    const problem = (message: string) => addIssue({ code: "custom", message });
    if (passphrase !== undefined && psk !== undefined) problem("`passphrase` and `psk` are two ways to say the same");
    if (security === "open" && (passphrase ?? psk) !== undefined) problem("a key for an open network");
    if (security !== "open" && (passphrase ?? psk) === undefined)
      problem("no key: give `passphrase` or `psk`, or `security: open` for a network without one");
    if ((security === "wpa3" || security === "both") && psk !== undefined)
      problem("WPA3 needs the passphrase: a `psk` is a key of WPA2");
  });
export type WifiNetwork = z.infer<typeof network>;

/** `system.wifi` of edgeimg.yaml. */
export const wifiSchema = z.strictObject({
  country: wifiCountry.optional().meta({
    description:
      "Where the device is, by ISO 3166: which channels it may use, and how loud. Without it those that are free everywhere.",
    examples: ["DE"],
  }),
  networks: z
    .array(network)
    .max(16)
    .default([])
    .meta({
      description: "Networks to join, the best first. One that `edgeimg flash --wifi` gave to a card goes before all.",
      examples: [[{ ssid: "Home", passphrase: "correct horse battery" }]],
    }),
});
