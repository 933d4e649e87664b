import { type Arch, architectures } from "../catalog/architecture.js";
import { type PinnedFile, sourcesFor } from "../catalog/source.js";
import type { ToolEnvironment } from "../catalog/tool.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { PackageSetRequest } from "../lock/resolve.js";
import { compiledTool, toolSysroot } from "./compiled-tool.js";
import { type DebianContext, hostRoot, toolRequests, toolsRoot } from "./roots.js";
import { archiveSteps } from "./source.js";
import type { SysrootSources } from "./sysroot.js";

/** How a step starts a tool: its inputs, the first words of its command, its environment. */
export interface ToolCommand {
  readonly inputs: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A tool where it is described: in recipes/tools, or in a converter. */
export interface NamedTool {
  /** In ids of steps and in messages. */
  readonly name: string;
  readonly environment: ToolEnvironment;
  /** The folder of the description, and its name among local steps: `tools/pnnx`. */
  readonly folder: string;
  readonly local: string;
}

export interface ToolOptions extends NamedTool {
  readonly catalog: SysrootSources;
  /** The root whose loader starts programs out of archives. */
  readonly hostTools: string;
  /** For a Python tool: a file of a step's tree to run. */
  readonly script?: { readonly step: string; readonly path: string } | undefined;
}

/**
 * Python code that runs a module, or a file by its path, as the main program, with the folders of wheels before all others. Its arguments:
 * folders joined by colons, what to run, the program's own arguments.
 */
const pythonStart =
  "import runpy, sys; folders, main = sys.argv[1:3]; sys.argv = [main] + sys.argv[3:]; sys.path[:0] = folders.split(':'); " +
  "runpy.run_path(main, run_name='__main__') if main.endswith('.py') else runpy.run_module(main, run_name='__main__', alter_sys=True)";

/** Adds the steps that bring a tool. Throws ERR_EDGEIMG_ENGINE_UNSUPPORTED when it does not run on this host. */
export function toolCommand(context: DebianContext, options: ToolOptions): ToolCommand {
  const { name, environment } = options;
  const why = `the tool ${name} runs while the image is built`;
  switch (environment.kind) {
    case "archive":
      return archiveCommand(context, options, { environment, why });
    case "source": {
      const { step, launcher } = compiledTool(context, { ...options, environment }, why);
      return {
        inputs: { tool: step, ...launcher.inputs },
        command: [...launcher.command, `{cwd}/in/tool/${environment.program}`],
        env: {},
      };
    }
    case "debian":
      return {
        inputs: { tool: hostRoot(context, { set: toolSet(name), title: `Unpack the tool ${name}`, why }) },
        command: [`in/tool/root/${environment.program}`],
        env: {},
      };
    case "python":
      return pythonCommand(context, options, { environment, why });
  }
}

type EnvironmentOf<K extends ToolEnvironment["kind"]> = {
  readonly environment: Extract<ToolEnvironment, { kind: K }>;
  readonly why: string;
};

/** A program of an archive, started by the loader of the host tools' root. */
function archiveCommand(
  context: DebianContext,
  { name, hostTools }: ToolOptions,
  { environment, why }: EnvironmentOf<"archive">,
): ToolCommand {
  const { hostArch } = context;
  const host = architectures[hostArch];
  const source = environment.hosts[hostArch];
  if (source === undefined) throw wrongHost(name, hostArch, Object.keys(environment.hosts));
  const tool = archiveSteps(context, { name: `tool-${name}`, source, why, executable: [environment.program] });
  return {
    inputs: { tool, loader: hostTools },
    command: [
      `in/loader/root/${host.loader}`,
      "--library-path",
      `{cwd}/in/loader/root/usr/lib/${host.triplet}`,
      `{cwd}/in/tool/${environment.program}`,
    ],
    env: {},
  };
}

/** A module or a script for the distribution's Python, with pinned wheels and nothing else of the host. */
function pythonCommand(
  context: DebianContext,
  { name, script }: ToolOptions,
  { environment, why }: EnvironmentOf<"python">,
): ToolCommand {
  const { hostArch, distribution } = context;
  if (!environment.hosts.includes(hostArch)) throw wrongHost(name, hostArch, environment.hosts);
  const wheels = Object.entries(environment.wheels).map(([wheel, { only, ...source }]): [string, string] => [
    `wheel-${wheel}`,
    archiveSteps(context, {
      name: `wheel/${wheel}`,
      source: { ...source, strip: 0 },
      why,
      ...(only.length === 0 ? {} : { only }),
    }),
  ]);
  const main = environment.module ?? (script && `{cwd}/in/script/${script.path}`);
  if (main === undefined) {
    throw new EdgeimgError(
      "ERR_EDGEIMG_CATALOG_INVALID",
      `The Python tool ${name} names neither a module nor a script.`,
      { hint: "Give the tool a `module`, or the converter a `script`." },
    );
  }
  const interpreter = `in/python/root/${distribution.tools.python.programs.interpreter}`;
  return {
    inputs: {
      python: toolsRoot(context, "python"),
      ...Object.fromEntries(wheels),
      ...(script === undefined ? {} : { script: script.step }),
    },
    command: [
      ...[interpreter, "-S", "-s", "-P", "-B", "-X", "utf8", "-c", pythonStart],
      wheels.map(([input]) => `{cwd}/in/${input}`).join(":"),
      main,
    ],
    // What a program computes must not depend on the order of a set, or on how sums are spread over cores.
    env: { PYTHONHOME: "{cwd}/in/python/root/usr", PYTHONHASHSEED: "0", OMP_NUM_THREADS: "1" },
  };
}

const toolSet = (name: string): string => `tools/${name}`;

/** The sets of packages that a tool needs in the lock. */
export function toolPackages(
  { name, environment }: Pick<NamedTool, "name" | "environment">,
  { hostArch, catalog }: { readonly hostArch: Arch; readonly catalog: SysrootSources },
): PackageSetRequest[] {
  const { distribution } = catalog;
  switch (environment.kind) {
    case "archive":
      return [];
    case "python":
      return toolRequests({ distribution, hostArch, arch: hostArch }, ["python"]);
    case "debian":
      return [{ name: toolSet(name), arch: hostArch, packages: [...environment.packages].sort() }];
    case "source":
      return [
        ...toolRequests({ distribution, hostArch, arch: hostArch }, ["toolchain"]),
        toolSysroot({ name, environment, catalog }, hostArch),
      ];
  }
}

/** The archives that a tool is made of on a host. */
export function toolSources(environment: ToolEnvironment, hostArch: Arch): readonly PinnedFile[] {
  switch (environment.kind) {
    case "archive":
      return Object.entries(environment.hosts).flatMap(([host, source]) => (host === hostArch ? [source] : []));
    case "python":
      return Object.values(environment.wheels);
    case "source":
      return sourcesFor(environment.sources, hostArch).map(([, source]) => source);
    case "debian":
      return [];
  }
}

function wrongHost(name: string, host: string, hosts: readonly string[]): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_ENGINE_UNSUPPORTED", `The tool ${name} does not run on ${host} hosts.`, {
    hint: `It runs on: ${hosts.join(", ")}. Build there, or choose another engine.`,
  });
}
