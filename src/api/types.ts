import type { Board } from "../catalog/board.js";
import type { BoardFacts } from "../catalog/board-facts.js";
import type { BuilderName } from "../catalog/builders.js";
import type { Disk } from "../catalog/disk.js";
import type { Target } from "../config/matrix.js";
import type { Setting } from "../config/merge.js";
import type { Drive } from "../flash/drive.js";
import type { Settings } from "../flash/settings.js";
import type { Emit } from "../ground/events.js";
import type { BenchReport } from "../report/bench.js";
import type { ImageDiff } from "../report/diff.js";
import type { QuantizeReport } from "../report/quantize.js";

/** What the command line needs of `src/api/index.ts`; tests put a small one in its place. */
export interface Api {
  readonly buildImage: (context: Context, options: BuildOptions) => Promise<BuildResult>;
  readonly buildMatrix: (context: Context, options: BuildOptions) => Promise<MatrixResult>;
  readonly listTargets: (context: Context, options: BuildOptions) => Promise<readonly Target[]>;
  readonly benchEngines: (context: Context, options: BenchOptions) => Promise<BenchResult>;
  readonly buildStep: (context: Context, options: BuildOptions & { readonly step: string }) => Promise<StepBuildResult>;
  readonly planStep: (context: Context, options: BuildOptions & { readonly step: string }) => Promise<StepDetails>;
  /** The ids of the steps of a build. */
  readonly listSteps: (context: Context, options: BuildOptions) => Promise<readonly string[]>;
  readonly planImage: (context: Context, options: BuildOptions) => Promise<PlanResult>;
  readonly updateLock: (context: Context, options: LockOptions) => Promise<LockResult>;
  readonly runImage: (context: Context, options: RunOptions) => Promise<RunResult>;
  readonly runHost: (context: Context, options: HostRunOptions) => Promise<RunResult>;
  readonly testImage: (context: Context, options: TestOptions) => Promise<TestReport>;
  readonly flashImage: (context: Context, options: FlashOptions) => Promise<FlashResult>;
  readonly quantizeModels: (context: Context, options: QuantizeOptions) => Promise<QuantizeResult>;
  readonly listDrives: (context: Context) => Promise<readonly Drive[]>;
  readonly listBoards: (context: Context) => Promise<readonly BoardInfo[]>;
  readonly listEngines: (context: Context) => Promise<readonly EngineInfo[]>;
  readonly explainPath: (context: Context, path: string, options: BuildOptions) => Promise<PathExplanation>;
  readonly diffResults: (context: Context, options: DiffOptions) => Promise<ImageDiff>;
  readonly doctor: (context: Context) => Promise<readonly DoctorCheck[]>;
  readonly cacheInfo: (context: Context) => Promise<CacheInfo>;
  readonly cachePrune: (context: Context, options: PruneOptions) => Promise<PruneResult>;
  readonly tidyCache: (context: Context, options: TidyOptions) => Promise<TidyResult | undefined>;
  readonly cacheVerify: (context: Context) => Promise<VerifyResult>;
  readonly ciInit: (context: Context, options: CiInitOptions) => Promise<CiInitResult>;
  readonly cacheExport: (context: Context, options: ExportOptions) => Promise<CacheArchiveResult>;
  readonly cacheImport: (context: Context, options: ImportOptions) => Promise<CacheArchiveResult>;
  readonly checkBuildroot: (
    context: Context,
    options: BuildrootOptions & { readonly legalInfo: boolean },
  ) => Promise<BuildrootCheckResult>;
  readonly writeBuildrootTree: (context: Context, options: BuildrootOptions) => Promise<BuildrootResult>;
  readonly writeTypes: (context: Context, options: BuildOptions) => Promise<TypesResult>;
  readonly initProject: (context: Context, options: InitOptions) => Promise<InitResult>;
  readonly newBoard: (context: Context, options: NewBoardOptions) => Promise<NewBoardResult>;
  readonly newEngine: (context: Context, options: NewEngineOptions) => Promise<NewEngineResult>;
  readonly listExamples: () => Promise<readonly ExampleInfo[]>;
}

export interface Context {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds; only for durations that are shown. */
  readonly now: () => number;
  /** Milliseconds since 1970; only for the ages of files and of results. */
  readonly date: () => number;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface BuildOptions {
  readonly configFile?: string | undefined;
  readonly board?: string | undefined;
  readonly engine?: string | undefined;
  readonly out?: string | undefined;
  readonly jobs?: number | undefined;
  readonly offline: boolean;
  readonly locked: boolean;
  /** Keeps the work folders of steps that run tools, until a later build comes across them. */
  readonly keepWork?: boolean | undefined;
  /** What makes the image; absent: Debian's packages. */
  readonly builder?: "debian" | "buildroot" | undefined;
  /** An unpacked release of Buildroot. */
  readonly buildroot?: string | undefined;
  /** Where Buildroot keeps downloads, and where it looks for them first. */
  readonly dlDir?: string | undefined;
  readonly primarySite?: string | undefined;
}

export interface BenchOptions extends BuildOptions {
  /** None: all verified engines that read the project's models. */
  readonly engines: readonly string[];
  /** USER@HOST of a board on which runs are timed; absent: nothing is timed. */
  readonly ssh?: string | undefined;
  /** That engines are given there; one when absent. */
  readonly threads?: number | undefined;
}

export interface BenchResult {
  readonly folder: string;
  readonly files: readonly string[];
  readonly report: BenchReport;
}

export interface QuantizeOptions extends BuildOptions {
  /** One model; absent: all that are to be quantized. */
  readonly model?: string | undefined;
  /** Compares every way that there is. */
  readonly tryAll: boolean;
}

export interface QuantizeResult {
  readonly folder: string;
  readonly files: readonly string[];
  readonly report: QuantizeReport;
}

export interface BuildrootOptions extends BuildOptions {
  /** Every board and engine that there is, where no flag names some. */
  readonly matrix: boolean;
  /** The series of Buildroot; absent: the newest. */
  readonly series?: string | undefined;
}

export interface BuildrootResult {
  readonly folder: string;
  readonly series: string;
  readonly boards: readonly string[];
  readonly engines: readonly string[];
  readonly files: number;
  /** Files that were new or had another content. */
  readonly written: number;
  /** Files of the user's own that were left alone. */
  readonly kept: readonly string[];
  /** Files of an earlier run that the tree no longer has. */
  readonly removed: readonly string[];
  readonly ms: number;
}

export interface BuildrootCheckResult {
  readonly release: string;
  readonly series: string;
  readonly combinations: readonly {
    readonly board: string;
    readonly engine: string;
    /** Lines of the defconfig that the configuration does not have. */
    readonly lost: readonly string[];
    /** Lines that the configuration needs beyond it. */
    readonly added: readonly string[];
    readonly lines: number;
    /** Archives that `make external-deps` names. */
    readonly sources: number;
  }[];
  readonly style: string;
  readonly legal?: string | undefined;
  readonly ms: number;
}

export interface Artifact {
  readonly role: string;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface BuildResult {
  readonly artifacts: readonly Artifact[];
  readonly board: string;
  readonly engine: string;
  /** Of the whole project, in its order: `board` is the first unless a flag names one. */
  readonly boards: readonly string[];
  readonly out: string;
  /** Of an engine that was built with the operators of the models alone: what it adds to the image in bytes, and what the whole one does where that was measured. */
  readonly engineSize?: { readonly bytes: number; readonly whole: number | undefined } | undefined;
  readonly cachedSteps: number;
  readonly ranSteps: number;
  readonly ms: number;
}

export interface MatrixResult {
  readonly images: readonly BuildResult[];
  /** Of the whole graph: a step that several images share counts once. */
  readonly cachedSteps: number;
  readonly ranSteps: number;
  readonly ms: number;
}

/** One step that was built by itself. */
export interface StepBuildResult {
  readonly board: string;
  readonly engine: string;
  readonly step: string;
  readonly title: string;
  readonly digest: string;
  /** The folder in the store that holds its result. Never to be written. */
  readonly path: string;
  readonly cachedSteps: number;
  readonly ranSteps: number;
  readonly ms: number;
}

/** All that decides a step's result. What depends on results that are not known yet is undefined. */
export interface StepDetails {
  readonly board: string;
  readonly engine: string;
  readonly id: string;
  readonly title: string;
  readonly why: string;
  readonly kind: string;
  readonly version: number;
  /** How many of the jobs it takes. */
  readonly weight: "one" | "all";
  /** Of a step that runs tools, one command after another: `{cwd}` is its work folder, in which `in/NAME` are the inputs and `out` is the result. */
  readonly process?:
    | {
        readonly commands: readonly (readonly string[])[];
        readonly env: Readonly<Record<string, string>>;
        /** Inputs that are copied to a folder which the commands may write: input -> folder. */
        readonly copies: Readonly<Record<string, string>>;
        /** The input that holds a model's ports, from which the last command gets further arguments when it runs. */
        readonly late?: string | undefined;
        /** Files that the last command reads and writes, in the work folder. */
        readonly stdin?: string | undefined;
        readonly stdout?: string | undefined;
      }
    | undefined;
  readonly params: object;
  readonly inputs: readonly { readonly name: string; readonly step: string; readonly digest: string | undefined }[];
  readonly neededBy: readonly string[];
  /** In the store. */
  readonly key: string | undefined;
  readonly digest: string | undefined;
  readonly path: string | undefined;
}

export interface PlannedStep {
  readonly id: string;
  readonly title: string;
  readonly kind: string;
  readonly digest: string;
  readonly why: string;
  /** What needs its result. */
  readonly neededBy: readonly string[];
  /** Whether the store already has the result. */
  readonly cached: boolean;
}

export interface PlanResult {
  readonly board: string;
  readonly engine: string;
  readonly steps: readonly PlannedStep[];
  readonly settings: readonly Setting[];
}

export interface LockOptions extends BuildOptions {
  /** Move to the newest versions; otherwise only check. */
  readonly update: boolean;
}

export interface LockChange {
  readonly name: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export interface LockResult {
  readonly file: string;
  readonly entries: number;
  readonly changes: readonly LockChange[];
}

export interface RunOptions extends BuildOptions {
  /** An image or a folder with one; absent: the project's is built. */
  readonly image?: string | undefined;
  /** Local port of the app's HTTP port; absent: a free one. */
  readonly port?: number | undefined;
  /** What a person types goes to the console. */
  readonly input?: NodeJS.ReadableStream | undefined;
}

export interface HostRunOptions extends BuildOptions {
  /** Local port of the app's HTTP port; absent: a free one. */
  readonly port?: number | undefined;
}

export interface RunResult {
  readonly exitCode: number;
}

export interface TestOptions extends BuildOptions {
  /** Boots the image this many times; once when absent. */
  readonly repeat?: number | undefined;
  /** File that gets the report as JUnit XML. */
  readonly junit?: string | undefined;
}

export interface TestCheck {
  readonly name: string;
  readonly passed: boolean;
  readonly detail?: string | undefined;
  /** How long it took, where it took time of its own. */
  readonly ms?: number | undefined;
}

export interface TestReport {
  readonly board: string;
  readonly engine: string;
  /** Of all boots, one after the other. */
  readonly checks: readonly TestCheck[];
  readonly boots: number;
  readonly ms: number;
}

export interface FlashOptions {
  /** An image, or a folder that holds one. Default: `out`. */
  readonly image?: string | undefined;
  /** A drive or a plain file; absent: `choose` is asked. */
  readonly device?: string | undefined;
  readonly yes: boolean;
  readonly unmount: boolean;
  readonly settings: Settings;
  /** Undefined: nobody can be asked. */
  readonly choose: (drives: readonly Drive[]) => Promise<Drive | undefined>;
  readonly confirm: (question: FlashQuestion) => Promise<boolean>;
}

export interface FlashQuestion {
  /** Model, size, bus, serial and path. */
  readonly name: string;
  readonly path: string;
  readonly contents: readonly string[];
  readonly image: string;
}

export interface FlashResult {
  readonly image: string;
  readonly device: string;
  readonly name: string;
  /** Files that told the image's hashes. */
  readonly checkedBy: readonly string[];
  /** Whether settings for the first boot were written. */
  readonly settings: boolean;
  readonly ejected: boolean;
  readonly bytes: number;
  readonly writeMs: number;
  readonly verifyMs: number;
  readonly direct: boolean;
}

export interface BoardInfo {
  readonly name: string;
  readonly title: string;
  readonly arch: string;
  readonly cpu: string;
  /** Extensions of the instruction set that the silicon lacks although the core may have them. */
  readonly lacks: readonly string[];
  readonly notes: readonly string[];
  /** Who can make cards for it; and of Debian's, why there is none. */
  readonly builders: readonly BuilderName[];
  readonly missing?: string | undefined;
  /** What the user has to bring for one. */
  readonly supplied: readonly string[];
  readonly proven?: Board["proven"];
  readonly facts: BoardFacts;
  readonly console: Board["console"];
  readonly boot: Pick<Board["boot"], "kind" | "packages"> & { readonly dtbs: readonly string[] };
  readonly disk: Disk;
}

export interface NewBoardOptions {
  readonly configFile?: string | undefined;
  readonly name: string;
  /** The board whose file it begins as; absent: the project's. */
  readonly from?: string | undefined;
}

export interface NewBoardResult {
  readonly name: string;
  readonly from: string;
  /** The project's folder. */
  readonly directory: string;
  /** Relative to it. */
  readonly files: readonly string[];
}

export interface NewEngineOptions {
  readonly configFile?: string | undefined;
  readonly name: string;
  /** How its library is made: `build.kind` of the recipe. */
  readonly kind: NewEngineKind;
}

export type NewEngineKind = "compile" | "cmake" | "prebuilt" | "packages";

export interface NewEngineResult {
  readonly name: string;
  readonly kind: NewEngineKind;
  /** The project's folder. */
  readonly directory: string;
  /** Relative to it. */
  readonly files: readonly string[];
  /** The model that it can run at first, relative to the project's folder. */
  readonly model: string;
}

/** All that is known of an engine: its recipe, and what follows from it and the rest of the catalog. */
export interface EngineInfo {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly homepage?: string | undefined;
  readonly license: string;
  /** Licence texts in the sources, which a build compares with their hashes. `from`: the package URL of the source. */
  readonly licenseTexts: readonly { readonly path: string; readonly sha256: string; readonly from: string }[];
  /** The Debian package whose copyright file stands in for a text. */
  readonly licensePackage?: string | undefined;
  /** How its library is made: `build.kind`. */
  readonly build: string;
  readonly sources: readonly EngineSource[];
  /** Debian packages of the image that it needs. */
  readonly packages: readonly string[];
  /** Formats of models that it reads, the best first. */
  readonly accepts: readonly string[];
  /** Converters that lead to it from ONNX, in their order; undefined when nothing does. */
  readonly converters?: readonly string[] | undefined;
  /** Types of inputs and outputs, where a converter restricts them. */
  readonly types?: { readonly takes: readonly string[]; readonly gives: readonly string[] } | undefined;
  readonly tolerance: number;
  readonly arch: readonly string[];
  /** Boards of these architectures. */
  /** What a board must have beside its core. */
  readonly accelerators: readonly string[];
  readonly boards: readonly string[];
  /** Architectures of machines that build, for `run --host`. */
  readonly hosts: readonly string[];
  readonly dispatched: readonly { readonly files: readonly string[]; readonly extensions: readonly string[] }[];
  /** Its package in Buildroot's tree; undefined when it has none there. */
  readonly buildroot?: { readonly package: string; readonly depends: readonly string[] } | undefined;
  /** Bytes in the root that are there because of it, by core. */
  readonly size: Readonly<Record<string, number>>;
  /** Where tests have run it. Empty: not verified. */
  readonly proven: readonly EngineProof[];
  /** What was not tried, and why, where its recipe says so. */
  readonly notVerified?: string | undefined;
  readonly notes: readonly string[];
}

export interface EngineSource {
  readonly name: string;
  readonly purl: string;
  readonly file: string;
  /** Unknown where the user supplies the archive. */
  readonly sha256?: string | undefined;
  readonly size?: number | undefined;
}

export type EngineProof =
  | { readonly how: "booted"; readonly board: string; readonly example: string }
  | { readonly how: "models"; readonly cpu: string; readonly test: string };

export interface PathExplanation {
  readonly path: string;
  readonly package: string;
  readonly version: string;
  readonly license?: string | undefined;
  readonly bytes: number;
  /** From the root of need to the file. */
  readonly chain: readonly string[];
}

/** Two images, each as a manifest or the folder of its results. */
export interface DiffOptions {
  readonly old: string;
  readonly new: string;
}

export interface DoctorCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  /** The command that cures it. */
  readonly cure?: string | undefined;
}

export interface CacheInfo {
  readonly path: string;
  readonly bytes: number;
  readonly objects: number;
  readonly entries: readonly CacheEntry[];
}

export interface CacheEntry {
  readonly title: string;
  readonly digest: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly usedAt: number;
}

export interface PruneOptions {
  /** Keep what was used within this many days. */
  readonly olderThanDays: number;
}

export interface TidyOptions {
  /** Milliseconds since 1970: what was used since then stays, however large the store is. */
  readonly since: number;
}

/** What left the store, and what it is held to. */
export interface TidyResult {
  readonly bytes: number;
  readonly days: number;
  readonly gigabytes: number;
}

export interface PruneResult {
  readonly removed: number;
  readonly bytes: number;
}

export interface VerifyResult {
  readonly checked: number;
  readonly damaged: readonly string[];
}

export type CiProvider = "github" | "gitlab" | "forgejo" | "generic";

export interface CiInitOptions {
  readonly configFile?: string | undefined;
  readonly board?: string | undefined;
  readonly engine?: string | undefined;
  readonly provider: CiProvider;
  /** What npm installs where there is no edgeimg yet. */
  readonly package?: string | undefined;
  /** The container image of the jobs, best with its digest. */
  readonly image?: string | undefined;
  /** Replaces files that differ. */
  readonly force: boolean;
}

export interface CiInitResult {
  readonly provider: CiProvider;
  readonly files: readonly string[];
  /** Those of them that are new or differ from before. */
  readonly written: readonly string[];
  readonly targets: readonly Target[];
  readonly package: string;
  readonly image: { readonly name: string; readonly isPinned: boolean };
  readonly hasLock: boolean;
}

export interface ExportOptions extends BuildOptions {
  /** The archive to write. */
  readonly file: string;
}

export interface ImportOptions {
  readonly file: string;
}

export interface CacheArchiveResult {
  readonly file: string;
  readonly objects: number;
  /** Of all objects together. */
  readonly bytes: number;
  /** Downloads among the objects. */
  readonly blobs: number;
  /** Results of finished steps. */
  readonly trees: number;
  /** Steps that need not run again. */
  readonly actions: number;
  /** sha256 of the lock that the archive was made for. */
  readonly lock: string;
}

export interface TypesResult {
  /** The project's folder. */
  readonly folder: string;
  /** What editors check with, relative to it. */
  readonly files: readonly string[];
  /** Those of them that were missing or differed. */
  readonly written: readonly string[];
  /** Names of the models whose types are declared. */
  readonly models: readonly string[];
  /** Files of the project that do not name them, and what would. */
  readonly unread: readonly { readonly file: string; readonly line: string }[];
}

export interface InitOptions {
  readonly directory: string;
  /** What the project begins as, by its name below examples/; absent: the first of `listExamples`. */
  readonly example?: string | undefined;
}

export interface ExampleInfo {
  readonly name: string;
  readonly summary: string;
}

export interface InitResult {
  readonly directory: string;
  readonly example: string;
  readonly files: readonly string[];
}
