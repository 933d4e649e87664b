// Makes a folder and commits it, many times: commit-tree CACHE NAME TIMES. Prints what each commit said.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { commitTree, openStore } from "../../src/store/store.js";

const [cache = "", name = "", times = "1"] = process.argv.slice(2);
const store = await openStore(cache);
for (let index = 0; index < Number(times); index++) {
  const folder = join(store.root, "work", `${name}-${index}`);
  await mkdir(join(folder, "d"), { recursive: true });
  for (let file = 0; file < 20; file++) await writeFile(join(folder, "d", `f${file}`), `${index} ${file}`);
  const { digest, existed } = await commitTree(store, folder);
  console.log(`${index} ${digest} ${existed}`);
}
