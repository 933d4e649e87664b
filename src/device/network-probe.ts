import { readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds between two looks at the byte. */
const interval = 250;

/**
 * Whether a board that QEMU emulates has no network: a byte to its forwarded port stays with QEMU. An app that is busy, or hangs, does not
 * look like that, as its kernel takes the connection and the byte by itself.
 * QEMU's usb-net, which the Raspberry Pi models have, does not always come up while the guest has much to do; why is not known.
 * @param port on 127.0.0.1
 * @param options `patienceMs`: milliseconds that the byte may lie there
 */
export async function isNetworkStalled(
  port: number,
  options: { readonly signal: AbortSignal; readonly patienceMs: number },
): Promise<boolean> {
  const { signal, patienceMs } = options;
  const socket = await open(port, signal);
  if (socket === undefined) return false;
  try {
    // HTTP servers pass over an empty line before a request (RFC 9112, 2.2).
    socket.write("\n");
    for (let waited = 0; waited < patienceMs; waited += interval) {
      await sleep(Math.min(interval, patienceMs), undefined, { signal });
      if (!(await isUnread(port, socket.localPort ?? 0))) return false;
    }
    return true;
  } finally {
    socket.destroy();
  }
}

async function open(port: number, signal: AbortSignal): Promise<Socket | undefined> {
  return await new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, signal });
    socket.once("connect", () => resolve(socket));
    socket.on("error", () => resolve(undefined));
  });
}

/** Whether bytes from one port to another have arrived and nobody has read them (proc(5), /proc/net/tcp: rx_queue). */
async function isUnread(to: number, from: number): Promise<boolean> {
  const word = (port: number) => `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = (await readFile("/proc/net/tcp", "utf8")).split("\n");
  return lines.some((line) => {
    const [, local = "", remote = "", , queues = ""] = line.trim().split(/\s+/);
    return (
      local.endsWith(word(to)) && remote.endsWith(word(from)) && Number.parseInt(queues.split(":")[1] ?? "0", 16) > 0
    );
  });
}
