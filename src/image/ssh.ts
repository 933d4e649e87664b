import type { Project } from "../config/project-schema.js";

/** Remote login as every builder makes it. */
export interface SshPlan {
  /** Whether the server is in the image. It serves once there is a key: one of `authorizedKeys`, or one that a card was given. */
  readonly server: boolean;
  /** /etc/edgeimg/authorized_keys; undefined when the image has no key of its own. */
  readonly authorizedKeys: string | undefined;
}

/** What `system.ssh` asks for. */
export function sshOf({ system: { ssh } }: Project): SshPlan {
  const { server, authorizedKeys: keys } = ssh;
  return { server, authorizedKeys: keys.length === 0 ? undefined : keys.map((key) => `${key}\n`).join("") };
}
