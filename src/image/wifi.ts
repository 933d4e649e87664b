import type { Board } from "../catalog/board.js";
import type { Catalog } from "../catalog/catalog.js";
import type { Project } from "../config/project-schema.js";
import type { WifiNetwork } from "../config/wifi-schema.js";
import type { FileEntry } from "./entries.js";

/** Wi-Fi as every builder makes it. */
export interface WifiPlan {
  /** Drivers of the radio. */
  readonly modules: readonly string[];
  /** What the supplicant reads. It holds the networks' keys. */
  readonly config: string;
}

/** Inputs of the step that lays the root, by what they hold. */
export const wifiInputs = {
  recipe: "wifi",
  program: "wifi-program",
  packages: "wifi-packages",
  firmware: "wifi-firmware",
} as const;

/** Whether the image of a board has Wi-Fi: always where the board has no other network, else when the project asks. */
export function hasWifi(project: Project, board: Board): boolean {
  return board.wifi !== undefined && (board.wifi.always || project.system.wifi !== undefined);
}

export function wifiOf(project: Project, board: Board): WifiPlan | undefined {
  const { system } = project;
  if (board.wifi === undefined || !hasWifi(project, board)) return undefined;
  return { modules: board.wifi.modules, config: wifiConfig(system.wifi ?? { networks: [] }) };
}

/**
 * The supplicant's configuration. Names go as hexadecimal digits; a passphrase is ASCII without control characters and stands between the first
 * and the last quote of its line, which is how the supplicant reads it, so that quotes and # in it are themselves.
 */
export function wifiConfig({
  country,
  networks,
}: {
  readonly country?: string | undefined;
  readonly networks: readonly WifiNetwork[];
}): string {
  return [
    ...(country === undefined ? [] : [`country=${country}`]),
    // Management frames are protected where both sides can.
    "pmf=1",
    // Both ways to find SAE's element: the older one, and hash to element.
    "sae_pwe=2",
    "sae_groups=19",
    ...networks.flatMap((network, index) => networkBlock(network, networks.length - index)),
    "",
  ].join("\n");
}

const keyManagement = {
  open: "NONE",
  wpa2: "WPA-PSK WPA-PSK-SHA256",
  wpa3: "SAE",
  both: "WPA-PSK WPA-PSK-SHA256 SAE",
} as const;

/** @param priority that of networks which are all in reach: the first of the list goes before the others */
function networkBlock(network: WifiNetwork, priority: number): string[] {
  const { ssid, hidden, passphrase, psk } = network;
  const security = network.security ?? (psk === undefined ? "both" : "wpa2");
  return [
    "network={",
    `\tssid=${Buffer.from(ssid).toString("hex")}`,
    ...(hidden ? ["\tscan_ssid=1"] : []),
    `\tkey_mgmt=${keyManagement[security]}`,
    ...(security === "wpa3" ? ["\tieee80211w=2"] : []),
    ...(psk === undefined ? [] : [`\tpsk=${psk.toLowerCase()}`]),
    ...(passphrase === undefined ? [] : [`\tpsk="${passphrase}"`]),
    `\tpriority=${priority}`,
    "}",
  ];
}

/** The path of that configuration in the root. */
export const wifiConfigPath = "etc/edgeimg/wifi.conf";

/** What Wi-Fi adds to the root: the supplicant, its configuration, the scripts that start it, the radio's firmware, the rules of countries. */
export function wifiEntries(wifi: WifiPlan, board: Board, { recipe, overlay }: Catalog["wifi"]): FileEntry[] {
  const file = (path: string, mode: number, input: string, from: string): FileEntry => ({
    type: "file",
    path,
    mode,
    source: { from: "input", input, path: from },
  });
  const { program } = recipe;
  return [
    ...[...overlay].map(([path, executable]) =>
      file(path, executable ? 0o755 : 0o644, wifiInputs.recipe, `rootfs/${path}`),
    ),
    file(program.install, 0o755, wifiInputs.program, program.output),
    ...Object.entries(recipe.files).map(([from, path]) => file(path, 0o644, wifiInputs.packages, `root/${from}`)),
    ...Object.entries(board.wifi?.firmware ?? {}).map(([from, path]) =>
      file(path, 0o644, wifiInputs.firmware, `root/${from}`),
    ),
    { type: "file", path: wifiConfigPath, mode: 0o600, source: { from: "text", text: wifi.config } },
  ];
}
