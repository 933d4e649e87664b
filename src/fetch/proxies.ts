import { Agent, type Dispatcher, Pool, ProxyAgent } from "undici";

/** Addresses of proxies, and the hosts that are reached without one, as in the usual environment variables. */
export interface Proxies {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  readonly none?: string | undefined;
}

/** Milliseconds. A registry that says nothing for so long is taken for unreachable. */
const timeouts = { connect: { timeout: 20_000 }, headersTimeout: 30_000, bodyTimeout: 60_000 };

/**
 * What requests go through. Undici's own agent for these variables warns on the console that it is experimental, reads the
 * environment, and asks proxies for tunnels to port 80, which many forbid.
 */
export function createAgent(proxies: Proxies, connectMs = timeouts.connect.timeout): Dispatcher {
  const settings = { ...timeouts, connect: { timeout: connectMs } };
  return new Agent({
    ...settings,
    factory: (origin, options) => {
      const { protocol } = new URL(origin);
      const uri = isDirect(new URL(origin), proxies.none)
        ? undefined
        : protocol === "https:"
          ? proxies.https
          : proxies.http;
      return uri === undefined || uri === ""
        ? new Pool(origin, options)
        : new ProxyAgent({ ...settings, uri, proxyTunnel: protocol === "https:" });
    },
  });
}

/** Whether `no_proxy` names a host: itself, or as the end of its name; `*` names all; with a port only that one. */
export function isDirect({ hostname, port, protocol }: URL, none: string | undefined): boolean {
  return (none ?? "").split(/[,\s]+/).some((entry) => {
    const [, name = "", onlyPort] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    if (name === "" || (onlyPort !== undefined && onlyPort !== (port || (protocol === "https:" ? "443" : "80"))))
      return false;
    const suffix = name.replace(/^\*?\.?/, "");
    return name === "*" || (suffix !== "" && (hostname === suffix || hostname.endsWith(`.${suffix}`)));
  });
}
