import { createServer } from "node:http";
import { delimiter, dirname } from "node:path";
import t from "tap";
import { type DoctorCheck, doctor } from "../../../src/api/machine/doctor.js";

const { signal } = new AbortController();
const find = (checks: readonly DoctorCheck[], name: string) => checks.find((check) => check.name === name);

/** A mirror whose Release file says `origin`. */
async function mirror(origin: string): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url !== "/debian/dists/trixie/Release") response.statusCode = 404;
    response.end(`Origin: ${origin}\nSuite: stable\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/debian`;
}

t.test("on a good machine", async (t) => {
  const cache = t.testdir({});
  const env = { ...process.env, XDG_CACHE_HOME: cache, EDGEIMG_DEBIAN_MIRROR: await mirror("Debian") };
  const checks = await doctor({ env, signal });
  t.match(find(checks, "Node"), { ok: true, found: process.versions.node });
  t.match(find(checks, "apt-get"), { ok: true, found: /^apt / });
  t.match(find(checks, "Debian mirror"), { ok: true, found: / has trixie$/ });
  t.match(find(checks, "local ports"), { ok: true });
  t.match(find(checks, "space for the store")?.found, cache);
});

t.test("without apt: the command that installs it", async (t) => {
  const env = {
    ...process.env,
    PATH: dirname(process.execPath) + delimiter + t.testdir({}),
    EDGEIMG_DEBIAN_MIRROR: await mirror("Debian"),
  };
  const withoutApt = dirname(process.execPath) === "/usr/bin" ? { ...env, PATH: t.testdir({}) } : env;
  const check = find(await doctor({ env: withoutApt, signal }), "apt-get");
  t.match(check, { ok: false, found: "not on the PATH", cure: /^sudo .* apt$/ });
});

t.test("a mirror of another distribution, and one that is not there", async (t) => {
  const other = await doctor({ env: { ...process.env, EDGEIMG_DEBIAN_MIRROR: await mirror("Ubuntu") }, signal });
  t.match(find(other, "Debian mirror"), { ok: false, found: /is of Ubuntu$/, cure: /^export EDGEIMG_DEBIAN_MIRROR=/ });
  const gone = await doctor({
    env: { ...process.env, EDGEIMG_DEBIAN_MIRROR: "http://user:secret@127.0.0.1:9/debian" },
    signal,
  });
  t.match(find(gone, "Debian mirror"), { ok: false, found: /cannot be reached \(ECONNREFUSED\)$/ });
  t.notMatch(JSON.stringify(gone), /secret/, "passwords in addresses are not shown");
});

t.test("a cache folder that cannot be made", async (t) => {
  const folder = t.testdir({ file: "" });
  const checks = await doctor({ env: { ...process.env, XDG_CACHE_HOME: `${folder}/file/cache` }, signal });
  t.match(find(checks, "space for the store"), { ok: false, cure: /^export XDG_CACHE_HOME=/ });
});
