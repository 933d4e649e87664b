import type { Board } from "../catalog/board.js";
import type { Project } from "../config/project-schema.js";
import { type WifiPlan, wifiOf } from "./wifi.js";

/** How the board gets its address. `interface` empty: the first Ethernet interface that appears. */
export interface NetworkContext {
  readonly mode: "dhcp" | "static" | "off";
  readonly interface: string;
  /** ADDRESS/PREFIX, for `static`. */
  readonly address: string;
  readonly gateway: string;
  readonly dns: readonly string[];
}

/** Remote login as every builder makes it. */
export interface SshPlan {
  /** Whether the server is in the image. It serves once there is a key: one of `authorizedKeys`, or one that a card was given. */
  readonly server: boolean;
  /** /etc/edgeimg/authorized_keys; undefined when the image has no key of its own. */
  readonly authorizedKeys: string | undefined;
}

/** What an image can do, and how it is set. */
export interface Features {
  readonly ssh: SshPlan;
  readonly network: NetworkContext;
  /** Undefined without Wi-Fi. */
  readonly wifi: WifiPlan | undefined;
  /** IANA name such as Europe/Berlin. */
  readonly timezone: string;
  /** Seconds; undefined without a watchdog. */
  readonly watchdog: number | undefined;
  /** A shell when the root cannot be mounted, and the kernel's messages on the console. */
  readonly debug: boolean;
  /** Whether the app may import `edge:kernels`. */
  readonly kernels: boolean;
  /** The app's variables. */
  readonly env: Readonly<Record<string, string>>;
}

/** What a project asks for on a board. */
export function featuresOf(project: Project, board: Board): Features {
  const { system, app, kernels } = project;
  return {
    ssh: sshOf(system),
    network: networkOf(system),
    wifi: wifiOf(project, board),
    timezone: system.timezone,
    watchdog: board.watchdog,
    debug: system.debug,
    kernels,
    env: app.env,
  };
}

function sshOf({ ssh: { server, authorizedKeys: keys } }: Project["system"]): SshPlan {
  return { server, authorizedKeys: keys.length === 0 ? undefined : keys.map((key) => `${key}\n`).join("") };
}

function networkOf({ network }: Project["system"]): NetworkContext {
  if (network === "dhcp") return { mode: "dhcp", interface: "", address: "", gateway: "", dns: [] };
  return { mode: "static", interface: "", address: network.address, gateway: network.gateway ?? "", dns: network.dns };
}
