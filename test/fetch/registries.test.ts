import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { MockAgent } from "undici";
import { userProxies, userRegistries } from "../../src/api/session/registries.js";
import { createAgent } from "../../src/fetch/proxies.js";
import { type Registries, resolveUrls } from "../../src/fetch/registries.js";
import { fileServer } from "../helpers/file-server.js";

const network = { dispatcher: createAgent({}), signal: new AbortController().signal };
const urls = (purl: string, registries: Partial<Registries>, more: { name?: string; path?: string } = {}) =>
  resolveUrls({ purl, name: more.name ?? "file.bin", path: more.path }, { deb: [], ...registries }, network);

t.test("addresses of package URLs", async (t) => {
  const deb = ["http://one.test/debian", "http://two.test/debian/"];
  t.same(await urls("pkg:deb/debian/a@1?arch=arm64", { deb }, { path: "pool/a.deb" }), [
    "http://one.test/debian/pool/a.deb",
    "http://two.test/debian/pool/a.deb",
  ]);
  await t.rejects(urls("pkg:deb/debian/a@1?arch=arm64", { deb }), {
    code: "ERR_EDGEIMG_CATALOG_INVALID",
  });
  t.same(await urls("pkg:deb/debian/wpa@2:2.10-24?arch=source", { deb }, { name: "wpa_2.10.orig.tar.xz" }), [
    "http://one.test/debian/pool/main/w/wpa/wpa_2.10.orig.tar.xz",
    "http://two.test/debian/pool/main/w/wpa/wpa_2.10.orig.tar.xz",
  ]);
  t.same(await urls("pkg:deb/debian/libnl3@3.7.0-2?arch=source", { deb }, { name: "libnl3.tar.xz" }), [
    "http://one.test/debian/pool/main/libn/libnl3/libnl3.tar.xz",
    "http://two.test/debian/pool/main/libn/libnl3/libnl3.tar.xz",
  ]);
  const npm = "http://npm.test/mirror/";
  t.same(await urls("pkg:npm/left@1.2.3", { npm }), ["http://npm.test/mirror/left/-/left-1.2.3.tgz"]);
  t.same(await urls("pkg:npm/%40scope/left@1.2.3", { npm }), ["http://npm.test/mirror/@scope/left/-/left-1.2.3.tgz"]);
  t.same(await urls("pkg:npm/left@1.2.3", { override: "http://here.test/x/" }, { name: "left.tgz" }), [
    "http://here.test/x/left.tgz",
  ]);
  await t.rejects(urls("pkg:swift/a@1", {}), {
    code: "ERR_EDGEIMG_CATALOG_INVALID",
    message: /^pkg:swift\/a@1 is no package URL: /,
  });
  await t.rejects(urls("pkg:generic/a@1", {}), {
    code: "ERR_EDGEIMG_CATALOG_INVALID",
    message: "No download address is known for pkg:generic/a@1.",
    hint: /download_url=/,
  });
  await t.rejects(urls("pkg:generic/a@1?download_url=file:///etc/passwd", {}), { code: "ERR_EDGEIMG_CATALOG_INVALID" });
  const generic = "pkg:generic/a@1?download_url=https%3A%2F%2Fa.test%2Fa-1.tar.gz";
  t.same(await urls(generic, {}), ["https://a.test/a-1.tar.gz"]);
  const files = "http://mirror.test/files";
  t.same(await urls(generic, { files }), ["http://mirror.test/files/file.bin", "https://a.test/a-1.tar.gz"]);
  const [first, last] = await urls("pkg:github/owner/name@v1.0", { files });
  t.equal(first, "http://mirror.test/files/file.bin");
  t.match(last, /\/owner\/name\/archive\/v1\.0\.tar\.gz$/);
  const maven = "http://maven.test/central/";
  t.same(
    await urls("pkg:maven/org.some/thing@1.2?classifier=linux-arm64", { maven }, { name: "thing-1.2-linux-arm64.jar" }),
    ["http://maven.test/central/org/some/thing/1.2/thing-1.2-linux-arm64.jar"],
  );
});

t.test("a cargo index is asked where its crates are", async (t) => {
  const index = await fileServer(t, (request, response) => {
    if (request.url === "/plain/config.json") return response.end(JSON.stringify({ dl: `${index.url}/crates` }));
    if (request.url === "/shaped/config.json")
      return response.end(JSON.stringify({ dl: `${index.url}/x/{crate}-{version}.crate` }));
    response.writeHead(404).end();
  });
  const purl = "pkg:cargo/mnn-sys@0.2.0";
  t.same(await urls(purl, { cargo: `sparse+${index.url}/plain/` }), [`${index.url}/crates/mnn-sys/0.2.0/download`]);
  t.same(await urls(purl, { cargo: `${index.url}/shaped` }), [`${index.url}/x/mnn-sys-0.2.0.crate`]);
  await t.rejects(urls(purl, { cargo: `${index.url}/none` }), { message: "the crate index answered 404" });
});

t.test(
  "without a setting the public crate index is asked, as cargo does: the registry's own address may be out of reach",
  async (t) => {
    const agent = new MockAgent();
    agent.disableNetConnect();
    agent
      .get(/^https:\/\/index\./)
      .intercept({ path: "/config.json" })
      .reply(200, { dl: "https://files.test/crates" });
    const file = { purl: "pkg:cargo/semver@1.0.28", name: "semver-1.0.28.crate", path: undefined };
    t.same(await resolveUrls(file, { deb: [] }, { ...network, dispatcher: agent }), [
      "https://files.test/crates/semver/1.0.28/download",
    ]);
  },
);

t.test("a PyPI index is asked where the file is", async (t) => {
  const index = await fileServer(t, (request, response) => {
    if (request.url !== "/simple/my-thing/") return response.writeHead(404).end("no ".repeat(1e5));
    response.setHeader("content-type", "application/vnd.pypi.simple.v1+json");
    response.end(
      JSON.stringify({
        files: [
          { filename: "other.whl", url: "o" },
          { filename: "thing.whl", url: "../../files/ab/thing.whl#sha256=1" },
        ],
      }),
    );
  });
  const pypi = `${index.url}/simple/`;
  t.same(await urls("pkg:pypi/My_Thing@1", { pypi }, { name: "thing.whl" }), [
    `${index.url}/files/ab/thing.whl#sha256=1`,
  ]);
  await t.rejects(urls("pkg:pypi/my.thing@1", { pypi }, { name: "none.whl" }), {
    code: "ERR_EDGEIMG_FETCH_MISSING",
    message: "The package index lists no file none.whl of pkg:pypi/my.thing@1.",
  });
  await t.rejects(urls("pkg:pypi/unknown@1", { pypi }), { message: "the package index answered 404" });
});

t.test("the user's own settings say where registries are", async (t) => {
  const home = t.testdir({ ".npmrc": "//x/:_authToken=1\nregistry=http://npm.file/\n" });
  mkdirSync(join(home, ".config/pip"), { recursive: true });
  writeFileSync(join(home, ".config/pip/pip.conf"), "[global]\nindex-url = http://pip.file/simple\n");
  const mirror = { EDGEIMG_DEBIAN_MIRROR: "http://deb.env/debian" };
  t.same(await userRegistries({ HOME: home, ...mirror }), {
    deb: ["http://deb.env/debian", "http://deb.env/debian-security"],
    npm: "http://npm.file/",
    pypi: "http://pip.file/simple",
  });
  mkdirSync(join(home, ".cargo"));
  writeFileSync(
    join(home, ".cargo/config.toml"),
    '[source.crates-io]\nreplace-with = "ours"\n[source.ours]\nreplace-with = "inner"\n[source.inner]\nregistry = "sparse+http://crates.file/"\n',
  );
  mkdirSync(join(home, ".m2"));
  writeFileSync(
    join(home, ".m2/settings.xml"),
    "<settings><mirrors><mirror><mirrorOf>other</mirrorOf><url>http://no</url></mirror><mirror><mirrorOf>central</mirrorOf><url>http://maven.file</url></mirror></mirrors></settings>",
  );
  t.match(await userRegistries({ HOME: home, ...mirror, EDGEIMG_FILES_MIRROR: "http://files.env" }), {
    cargo: "sparse+http://crates.file/",
    maven: "http://maven.file",
    files: "http://files.env",
  });
  const env = { HOME: home, ...mirror, npm_config_registry: "http://npm.env", PIP_INDEX_URL: "http://pip.env" };
  t.match(await userRegistries(env), { npm: "http://npm.env", pypi: "http://pip.env" });
});

t.test("proxies come from the usual variables", async (t) => {
  t.same(userProxies({}), { http: undefined, https: undefined, none: undefined });
  t.same(userProxies({ http_proxy: "http://p" }), { http: "http://p", https: "http://p", none: undefined });
  t.same(userProxies({ HTTP_PROXY: "http://P", HTTPS_PROXY: "http://S", NO_PROXY: "x" }), {
    http: "http://P",
    https: "http://S",
    none: "x",
  });
});
