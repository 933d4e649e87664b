import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * What programs read of the machine's cores below /sys/devices/system/cpu: files of the whole, and of each core. QEMU's user mode shows the
 * host's own otherwise, of another architecture and another number of cores, on which libraries that look for caches crash.
 */
const whole: Readonly<Record<string, string>> = {
  kernel_max: "{last}",
  offline: "",
  online: "{all}",
  possible: "{all}",
  present: "{all}",
};
const each: Readonly<Record<string, string>> = {
  "cache/index2/level": "2",
  "cache/index2/shared_cpu_list": "{all}",
  "cache/index2/size": "512K",
  "cache/index2/type": "Unified",
  "cpufreq/cpuinfo_max_freq": "1200000",
  "cpufreq/cpuinfo_min_freq": "600000",
  "topology/cluster_cpus_list": "{all}",
  "topology/cluster_id": "0",
  "topology/core_cpus_list": "{core}",
  "topology/core_id": "{core}",
  "topology/core_siblings_list": "{all}",
  "topology/package_cpus_list": "{all}",
  "topology/physical_package_id": "0",
  "topology/thread_siblings_list": "{core}",
};

/** Makes the folder that QEMU shows programs as their root: that of a sysroot, and a machine of so many cores. */
export async function emulatedRoot(sysroot: string, { into, cores }: { into: string; cores: number }): Promise<string> {
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  for (const name of await readdir(sysroot)) if (name !== "sys") await symlink(join(sysroot, name), join(into, name));
  const folder = join(into, "sys/devices/system/cpu");
  const last = cores - 1;
  const all = last === 0 ? "0" : `0-${last}`;
  for (const [path, text] of Object.entries(whole)) await put(join(folder, path), text, { last, all });
  for (let core = 0; core < cores; core++)
    for (const [path, text] of Object.entries(each)) await put(join(folder, `cpu${core}`, path), text, { all, core });
  return into;
}

async function put(path: string, text: string, words: Readonly<Record<string, string | number>>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${text.replace(/\{(\w+)\}/g, (_, word: string) => String(words[word] ?? ""))}\n`);
}
