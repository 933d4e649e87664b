import t from "tap";
import { isDirect } from "../../src/fetch/proxies.js";

t.test("no_proxy names hosts", async (t) => {
  const table: readonly [string, string | undefined, boolean][] = [
    ["http://a.example", undefined, false],
    ["http://a.example", "", false],
    ["http://a.example", " , ", false],
    ["http://a.example", "a.example", true],
    ["http://A.example", "a.EXAMPLE", true],
    ["http://a.example", "example", true],
    ["http://a.example", ".example", true],
    ["http://a.example", "*.example", true],
    ["http://a.example", "*", true],
    ["http://a.example", "le", false],
    ["http://example", ".example", true],
    ["http://a.example", "b.example,localhost", false],
    ["http://localhost", "b.example localhost", true],
    ["http://localhost:8080", "localhost:8080", true],
    ["http://localhost:8081", "localhost:8080", false],
    ["https://localhost", "localhost:443", true],
    ["http://localhost", "localhost:443", false],
    ["http://localhost", "localhost:80", true],
    ["http://127.0.0.1:5000", "127.0.0.1", true],
  ];
  for (const [url, none, direct] of table) t.equal(isDirect(new URL(url), none), direct, `${url} with "${none}"`);
});
