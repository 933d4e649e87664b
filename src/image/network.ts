import type { Project } from "../config/project-schema.js";
import type { NetworkContext } from "./rootfs-files.js";

/** The board's network as the templates know it. */
export function networkOf({ system }: Project): NetworkContext {
  const { network } = system;
  if (network === "dhcp") return { mode: "dhcp", interface: "", address: "", gateway: "", dns: [] };
  return { mode: "static", interface: "", address: network.address, gateway: network.gateway ?? "", dns: network.dns };
}
