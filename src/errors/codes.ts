/**
 * Every error code: its exit code (1 user, 2 environment, 3 verification, 70 bug, 130 interrupted) and what
 * `edgeimg explain CODE` says. Codes are public: never renamed, never reused.
 */
interface CodeEntry {
  readonly exit: 1 | 2 | 3 | 70 | 130;
  /** One sentence: what happened. */
  readonly summary: string;
  /** Causes and cures, in plain text. */
  readonly help: string;
}

const entries = {
  ERR_EDGEIMG_BUG: {
    exit: 70,
    summary: "edgeimg itself failed in a way it did not foresee.",
    help: "Run again with --verbose and report the stack trace. The store is not damaged: the next run continues.",
  },
  ERR_EDGEIMG_INTERRUPTED: {
    exit: 130,
    summary: "The run was stopped by Ctrl-C or a signal.",
    help: "Nothing is lost: run the same command again and it continues where it stopped.",
  },
  ERR_EDGEIMG_YAML_INVALID: {
    exit: 1,
    summary: "A file is not the plain YAML that edgeimg reads.",
    help: "The named place holds a syntax error, a key written twice, or something that data files do not need (anchors, tags, several documents). Indent with spaces, and quote texts that contain `: ` or ` #`.",
  },
  ERR_EDGEIMG_CONFIG_INVALID: {
    exit: 1,
    summary: "edgeimg.yaml, or a flag, has an unknown key or a value of the wrong kind.",
    help: "Correct the named key. docs/reference/project.md lists every key with its type, default and an example; the first line that `edgeimg init` writes lets editors check the file while you type.",
  },
  ERR_EDGEIMG_CONFIG_INCOMPLETE: {
    exit: 1,
    summary: "Neither a flag nor edgeimg.yaml says something that the command needs.",
    help: "Give the named flag, or add the key to edgeimg.yaml. `edgeimg boards` and `edgeimg engines` list the names to choose from.",
  },
  ERR_EDGEIMG_CONFIG_MISSING: {
    exit: 1,
    summary: "The configuration file that was asked for does not exist.",
    help: "Run the command in the folder of edgeimg.yaml, give --config PATH, or start a project with `edgeimg init DIR`. Without any file, `edgeimg build` uses the bundled example.",
  },
  ERR_EDGEIMG_UNKNOWN_NAME: {
    exit: 1,
    summary: "There is no board, engine, time zone, Debian package, error code or path of that name.",
    help: "`edgeimg boards` and `edgeimg engines` list the names; docs/errors.md lists the codes.",
  },
  ERR_EDGEIMG_USAGE: {
    exit: 1,
    summary: "The command line has an unknown command or flag, or a value that does not fit.",
    help: "`edgeimg --help` and `edgeimg COMMAND --help` show what there is, with examples.",
  },
  ERR_EDGEIMG_INIT_NOT_EMPTY: {
    exit: 1,
    summary: "`edgeimg init` does not write into a folder that holds something.",
    help: "Name a new or empty folder.",
  },
  ERR_EDGEIMG_NEW_EXISTS: {
    exit: 1,
    summary:
      "`edgeimg new` does not write what is there already: a board, an engine, a converter or a model of that name.",
    help: "Choose another name, or remove the folders that the message names. A project's board or engine may replace a built-in one of its name: write that file or folder by hand.",
  },
  ERR_EDGEIMG_CI_EXISTS: {
    exit: 1,
    summary: "A pipeline that `edgeimg ci init` would write is there already.",
    help: "Move the file away, or give --force to replace it. A file that would stay as it is counts as none.",
  },
  ERR_EDGEIMG_OUTPUT_UNWRITABLE: {
    exit: 1,
    summary: "The folder that results go to cannot be written.",
    help: "Give yourself rights to it, or name another one with --out.",
  },
  ERR_EDGEIMG_CATALOG_INVALID: {
    exit: 1,
    summary: "A board file or a recipe does not follow its schema.",
    help: "Correct the named key. The schemas of board files and recipes are in docs/reference.",
  },
  ERR_EDGEIMG_ENGINE_UNSUPPORTED: {
    exit: 1,
    summary: "The engine does not run on the board, its converter not on this host, or Buildroot cannot make it.",
    help: "`edgeimg engines` lists what each engine supports. Choose another engine or another board.",
  },
  ERR_EDGEIMG_ENGINE_OPERATORS: {
    exit: 1,
    summary: "The engine cannot be built with the operators of the models alone.",
    help: "Say `ops: all` under `engine`, or leave it out: the engine is whole then. Its recipe says why it is always whole, or the message which file names no operator.",
  },
  ERR_EDGEIMG_HOST_UNSUPPORTED: {
    exit: 2,
    summary: "edgeimg has no tools for this machine's architecture.",
    help: "Build on an x86-64 or 64-bit Arm machine: compilers and image tools are packages for those.",
  },
  ERR_EDGEIMG_BOARD_NO_IMAGE: {
    exit: 1,
    summary: "There is no Debian image for the board; Buildroot makes one.",
    help: "The board's file says why. `edgeimg buildroot --board NAME --engine NAME` writes a tree that Buildroot builds an image of.",
  },
  ERR_EDGEIMG_BUILDROOT_FOLDER: {
    exit: 1,
    summary: "The folder that was named is no Buildroot tree.",
    help: "Name the folder of an unpacked Buildroot release: it has a Makefile that says BR2_VERSION, and a folder `package`.",
  },
  ERR_EDGEIMG_BUILDROOT_RELEASE: {
    exit: 1,
    summary: "The Buildroot release is not one that trees are written for.",
    help: "docs/buildroot.md names the series. Releases newer than those are taken like the newest one.",
  },
  ERR_EDGEIMG_BUILDROOT_OPTION: {
    exit: 3,
    summary: "A line of a generated defconfig does not survive Buildroot's own configuration.",
    help: "The release does not know the option, or something that it depends on is off. Options come from the key `buildroot` of board files and recipes: correct it there.",
  },
  ERR_EDGEIMG_BUILDROOT_PACKAGE: {
    exit: 1,
    summary: "A package of the tree has a name that Buildroot already has.",
    help: "Two packages of one name cannot be built together. Give the recipe another name, or use Buildroot's package.",
  },
  ERR_EDGEIMG_BUILDROOT_OWN_FILE: {
    exit: 1,
    summary: "A file that is not of edgeimg lies where the tree would write one.",
    help: "Nothing was written. Choose another folder with --out, or move the file away. In a tree that edgeimg made, your own files belong into `own/`, or under names that the tree does not use.",
  },
  ERR_EDGEIMG_BUILDROOT_CHECK: {
    exit: 3,
    summary: "A generated tree does not pass Buildroot's own checks.",
    help: "The messages of Buildroot's tools are printed above.",
  },
  ERR_EDGEIMG_BUILDROOT_BUILD: {
    exit: 2,
    summary: "Buildroot's make ended with an error.",
    help: "Its last lines are printed above; the whole log is in the named file. Run the same command again to continue where it stopped.",
  },
  ERR_EDGEIMG_BUILDROOT_WIFI: {
    exit: 1,
    summary: "The project asks for Wi-Fi, which images of Buildroot do not have.",
    help: "The supplicant, the radio's firmware and the scripts are put into images of Debian's packages only. Build the board with `edgeimg build`, or take `system.wifi` out of the file.",
  },
  ERR_EDGEIMG_LOCK_DISAGREES: {
    exit: 1,
    summary: "edgeimg.lock does not cover, or contradicts, what the build needs.",
    help: "Run `edgeimg lock --update` to move the lock, review the difference and commit it; or build without --locked.",
  },
  ERR_EDGEIMG_LOCK_INVALID: {
    exit: 1,
    summary: "edgeimg.lock is not a lock file of a version this edgeimg reads.",
    help: "Restore it from version control, or delete it and build again to write a new one.",
  },
  ERR_EDGEIMG_SOURCE_PATCH: {
    exit: 1,
    summary: "A patch of a recipe does not fit the source it is listed for.",
    help: "Patches apply exactly, without fuzz. Make the patch anew against the version that the recipe pins.",
  },
  ERR_EDGEIMG_SOURCE_SUPPLY: {
    exit: 1,
    summary: "A recipe needs an archive that only you can get: its licence forbids handing it on.",
    help: "Get the file as the message says, and put it into the folder `sources` beside edgeimg.yaml. Its sha256 is checked; the name does not matter.",
  },
  ERR_EDGEIMG_SOURCE_UNPINNED: {
    exit: 1,
    summary: "Neither a recipe nor the project says which hash an archive has that you supply.",
    help: "Of a few upstream releases nobody publishes a sha256 that the recipe's author could check. Get the archive as the message says, look through what you trust it for, and give its hash under `supplied` of edgeimg.yaml (docs/engines.md). The lock records it, and a file that differs is refused.",
  },
  ERR_EDGEIMG_LICENSE_CHANGED: {
    exit: 3,
    summary: "A licence text in a source is not the one whose hash its recipe names, or is missing.",
    help: "Read the new text. When its terms are acceptable, put the new hash into `license.files` of the recipe; otherwise stay with the version that the recipe had.",
  },
  ERR_EDGEIMG_FETCH_HASH: {
    exit: 3,
    summary: "A download's sha256 differs from the pinned one.",
    help: "The registry, a mirror or a proxy served other bytes than those the lock or recipe pins. Nothing of the download is kept. Try another mirror; if the upstream file really changed, review it and move the pin.",
  },
  ERR_EDGEIMG_FETCH_UNREACHABLE: {
    exit: 2,
    summary: "A registry could not be reached after several tries.",
    help: "Check the network and the proxy settings (HTTPS_PROXY, npm, pip and apt configuration). Downloads resume: run the same command again. With everything in the store, --offline needs no network.",
  },
  ERR_EDGEIMG_FETCH_MISSING: {
    exit: 2,
    summary: "A registry answered that it does not have the pinned file.",
    help: "Packages leave a distribution's pool when newer ones replace them: run `edgeimg lock --update`, or point apt at a snapshot mirror of the date in the lock.",
  },
  ERR_EDGEIMG_FETCH_OFFLINE: {
    exit: 2,
    summary: "A file is needed that is not in the store, and --offline forbids fetching it.",
    help: "Run once without --offline; or run `edgeimg cache export FILE` on a machine with a network and `edgeimg cache import FILE` here.",
  },
  ERR_EDGEIMG_APT_FAILED: {
    exit: 2,
    summary: "apt could not solve or read the package lists.",
    help: "Run `edgeimg doctor`. On a host that is not Debian, name a Debian mirror in EDGEIMG_DEBIAN_MIRROR.",
  },
  ERR_EDGEIMG_STORE_CORRUPT: {
    exit: 3,
    summary: "An object in the store is not what its name says.",
    help: "Run `edgeimg cache verify` to remove damaged objects; the next build makes them anew. Repeated damage points at the disk or the memory.",
  },
  ERR_EDGEIMG_STORE_FULL: {
    exit: 2,
    summary: "There is no space left for the store or the output.",
    help: "Free some space (`edgeimg cache prune`), or put the store elsewhere with XDG_CACHE_HOME. The next run continues.",
  },
  ERR_EDGEIMG_STORE_UNWRITABLE: {
    exit: 2,
    summary: "The store's folder cannot be written.",
    help: "Give yourself rights to it, or put the store elsewhere with XDG_CACHE_HOME.",
  },
  ERR_EDGEIMG_STEP_FAILED: {
    exit: 2,
    summary: "A tool that a step runs ended with an error.",
    help: "The tool's last lines are printed above; its whole log is kept in the named file.",
  },
  ERR_EDGEIMG_PROJECT_FILE: {
    exit: 1,
    summary: "A file or folder that edgeimg.yaml names does not exist.",
    help: "Paths in edgeimg.yaml are relative to that file.",
  },
  ERR_EDGEIMG_APP_MISSING: {
    exit: 1,
    summary: "The app's entry file does not exist.",
    help: "`app.entry` in edgeimg.yaml is a path relative to that file.",
  },
  ERR_EDGEIMG_APP_DEPENDENCY: {
    exit: 1,
    summary: "An npm package that the app needs is not installed.",
    help: "The build takes the packages that package.json lists under `dependencies` from the project's node_modules; it installs nothing itself.",
  },
  ERR_EDGEIMG_APP_TYPES: {
    exit: 1,
    summary: "The app has a TypeScript error.",
    help: "The build checks the app with the project's tsconfig.json and the declarations of the modules edge:*.",
  },
  ERR_EDGEIMG_APP_BUNDLE: {
    exit: 1,
    summary: "The app cannot be bundled into one file.",
    help: "An import names something that does not exist, or that needs Node or a browser. Apps run on QuickJS with the modules edge:*.",
  },
  ERR_EDGEIMG_APP_GLOBAL: {
    exit: 1,
    summary: "The app, or a package in it, uses a global that the device does not have.",
    help: "Apps run on QuickJS: ECMAScript, the modules edge:* and a few globals, which docs/apps.md lists with what to use in place of others. Code that asks with `typeof` first is fine.",
  },
  ERR_EDGEIMG_IMAGE_LIBRARY: {
    exit: 1,
    summary: "A program of the image needs a shared library that the image would not have.",
    help: "Name the Debian package that holds it in the recipe's `packages.rootfs` or in `packages` of edgeimg.yaml. Libraries are found by following DT_NEEDED of every ELF file.",
  },
  ERR_EDGEIMG_IMAGE_INSTRUCTION: {
    exit: 3,
    summary: "A program or library of the image has machine code that the board's core cannot run.",
    help: "It would end with \"Illegal instruction\" on the board. Compile it for the core (-mcpu of the board file's `cpu`), or take a build for plain ARMv8-A. Where the code asks the processor first, say so: `dispatched` in the engine's recipe, or `app.dispatched` in edgeimg.yaml, names files, extensions and the reason. A core that edgeimg does not know gets its extensions by `has` in the board file.",
  },
  ERR_EDGEIMG_IMAGE_FILE: {
    exit: 1,
    summary: "A file that a board, a recipe or the project names is not in the packages it should come from.",
    help: "Check the spelling of the path, and whether the locked version of the package still has it.",
  },
  ERR_EDGEIMG_IMAGE_MODULE: {
    exit: 1,
    summary: "A kernel module that a board names, or one that such a module needs, is not in the kernel's package.",
    help: "Correct the name in `kernel.initramfs` or `kernel.rootfs` of the board file. What a module needs follows from the kernel's package: name only the drivers that the board has.",
  },
  ERR_EDGEIMG_IMAGE_SIZE: {
    exit: 1,
    summary: "Something does not fit into its partition.",
    help: "Raise `image.bootSize` in edgeimg.yaml or the board's `boot.size`, or put less into the image.",
  },
  ERR_EDGEIMG_MANIFEST_INVALID: {
    exit: 1,
    summary: "A file is not the manifest of an image, or there is none in the folder.",
    help: "Name a manifest.json that `edgeimg build` wrote, or the folder that it lies in.",
  },
  ERR_EDGEIMG_BUDGET_EXCEEDED: {
    exit: 3,
    summary: "An image is larger than `budget` in edgeimg.yaml allows.",
    help: "The largest packages, and what grew noticeably since the last result, are printed above. The result folder keeps the last image within the budget. Put less into the image, or raise the budget.",
  },
  ERR_EDGEIMG_ARCHIVE_UNSAFE: {
    exit: 3,
    summary: "An archive has an entry that would leave its folder, or that no honest archive has.",
    help: "The archive is hostile or broken: a path or link that climbs out, a name with control characters, a kind of entry that is not unpacked, more entries or bytes than any package has. Do not use it.",
  },
  ERR_EDGEIMG_CACHE_ARCHIVE: {
    exit: 3,
    summary: "A cache archive lacks an object, or holds one that is not what its name says.",
    help: "Nothing of it was taken into the store. Copy the file again, or make it anew with `edgeimg cache export` where the project was built.",
  },
  ERR_EDGEIMG_MODEL_NOT_ONNX: {
    exit: 1,
    summary: "A model file is not a readable ONNX model.",
    help: "Check the path and that the file is whole: a Git LFS pointer or an error page is a common cause. Other formats have to be exported to ONNX first.",
  },
  ERR_EDGEIMG_MODEL_FILE: {
    exit: 1,
    summary: "A model file of another format than ONNX is no model at all.",
    help: "It is empty, a Git LFS pointer, or a web page in the place of a model: get the file itself.",
  },
  ERR_EDGEIMG_MODEL_VERSION: {
    exit: 1,
    summary: "A model file is of a newer ONNX than edgeimg reads.",
    help: "Export it again with the opset and IR version that the message names: torch.onnx.export(..., opset_version=N), or onnx.version_converter.convert_version, and model.ir_version = N before onnx.save.",
  },
  ERR_EDGEIMG_MODEL_PORTS: {
    exit: 1,
    summary: "A model has inputs or outputs that no app can use.",
    help: "An app can use 1 to 32 inputs and outputs of up to 8 dimensions, with names of 1 to 255 bytes without control characters, and model.edge, which describes them, has at most 64 KiB. Export the model so: torch.onnx.export takes input_names and output_names.",
  },
  ERR_EDGEIMG_MODEL_DATA: {
    exit: 1,
    summary: "Weights that a model file keeps in a file beside it are missing, cut off, or not in its folder.",
    help: "Put the named file into the folder of the model, as a file and not as a link. With onnx.save(onnx.load(FILE), NEW) a model becomes one file.",
  },
  ERR_EDGEIMG_MODEL_SIZE: {
    exit: 1,
    summary: "A model is larger than 2 GiB with its data.",
    help: "Quantize it, or choose a smaller one: a longer message cannot be read, and few boards have the memory.",
  },
  ERR_EDGEIMG_MODEL_INPUTS: {
    exit: 1,
    summary: "The values that a model is checked with do not suit it.",
    help: "Give values that the model accepts under models.NAME.inputs.INPUT.test: a range, values, or a .npy file. An index must be smaller than the table that it points into.",
  },
  ERR_EDGEIMG_MODEL_GOLDEN: {
    exit: 1,
    summary:
      "The golden outputs that a model is to be judged by are missing, or hold a value that nothing can be judged by.",
    help: "Give models.NAME.outputs.OUTPUT.golden a .npy file for each output, and each input its file or values under models.NAME.inputs.INPUT.test: golden outputs belong to certain inputs.",
  },
  ERR_EDGEIMG_NPY_INVALID: {
    exit: 1,
    summary: "A .npy file that a model is checked with cannot be read.",
    help: "Write it with numpy.save: one array of booleans, whole numbers or floating-point numbers of 16 to 64 bits, at most 1 GiB. A Git LFS pointer, .npz files, records, text and complex numbers are refused.",
  },
  ERR_EDGEIMG_MODEL_TYPE: {
    exit: 1,
    summary: "An input or output of a model has an element type that an app cannot give or take.",
    help: "Tensors of f32, i8, u8, i32 and i64 go to and from an app; float16, bfloat16, float64, bool, int16, uint16 and uint32 are converted. Keep other types (strings, maps, sequences) out of the model: exporters have options for it, such as zipmap=False of skl2onnx.",
  },
  ERR_EDGEIMG_MODEL_OPERATOR: {
    exit: 1,
    summary: "A model uses an operator or an element type that the engine does not have.",
    help: "Build with another engine (`edgeimg engines` tells which ones read ONNX itself: they run nearly every model), or export the model without the named operator.",
  },
  ERR_EDGEIMG_MODEL_SHAPES: {
    exit: 1,
    summary: "The shapes declared for a model's inputs do not fit the model.",
    help: "Declare under models.NAME.inputs every input whose shape is open in the model, with sizes that the model accepts. Many networks need multiples of 32.",
  },
  ERR_EDGEIMG_MODEL_FORMAT: {
    exit: 1,
    summary: "No converter leads from a model's format to one that the engine reads.",
    help: "`edgeimg engines` tells what each engine reads. Choose another engine, give the model in that format, or add a converter below recipes/converters.",
  },
  ERR_EDGEIMG_MODEL_CONVERSION: {
    exit: 1,
    summary: "The converter could not translate a model for the engine.",
    help: "The converter's last lines are printed above. Simplifying the model (constant folding, fixed shapes) or another engine often helps.",
  },
  ERR_EDGEIMG_MODEL_TOLERANCE: {
    exit: 3,
    summary: "A model gives other results in the engine than on this machine, or than its golden outputs.",
    help: "Narrow the declared shapes if only some of them are wrong, choose another engine, or, if the difference does not matter to the app, raise models.NAME.tolerance.",
  },
  ERR_EDGEIMG_MODEL_QUANTIZE_ACCURACY: {
    exit: 3,
    summary: "The app answers worse with a quantized model than models.NAME.quantize.accuracy.maxLoss allows.",
    help: "Try other methods (`edgeimg quantize --try all` judges each), keep layers in floating point (`keep`), or raise `maxLoss` if the app can live with it.",
  },
  ERR_EDGEIMG_MODEL_QUANTIZE_CALIBRATION: {
    exit: 1,
    summary:
      "The inputs that a model is calibrated with do not suit it, or a value in the model is not finite for one of them.",
    help: "Name .npy files, or folders of them, under models.NAME.quantize.calibration: for each input of the model as many, as the app would feed them, after its preprocessing. A NaN or an infinite value within the model is the model's fault or that of the named file.",
  },
  ERR_EDGEIMG_MODEL_QUANTIZE_ENGINE: {
    exit: 1,
    summary: "The engine does not run quantized models of this kind.",
    help: "docs/quantization.md has a table of what engines take. Choose another engine, weights or activations of another kind, or take `quantize` out.",
  },
  ERR_EDGEIMG_MODEL_QUANTIZE_LABELS: {
    exit: 1,
    summary:
      "Labels and pictures that an app is judged with do not belong together, or its answers hold nothing to compare.",
    help: "`labels` is a JSON file with one answer for each file of `pictures`, and `answer` the key of what the app answers, as text or a number.",
  },
  ERR_EDGEIMG_MODEL_QUANTIZE_LAYER: {
    exit: 1,
    summary: "A layer that is to stay in floating point is not in the model.",
    help: "`edgeimg quantize` lists the layers: they are named as in the ONNX file.",
  },
  ERR_EDGEIMG_MODEL_QUANTIZE_LOSS: {
    exit: 3,
    summary: "A quantized model differs from the model in floating point by more than models.NAME.quantize.maxLoss.",
    help: "Try other methods (`edgeimg quantize --try all`), keep the layers that lose most in floating point (`keep`), calibrate with more inputs, or raise `maxLoss` if the app can live with it.",
  },
  ERR_EDGEIMG_MODEL_QUANTIZE_NOTHING: {
    exit: 1,
    summary: "A model has nothing that could be quantized.",
    help: "Layers with constant weights of float32 are quantized: Conv, ConvTranspose, Gemm, MatMul. Take `quantize` out of the model's settings.",
  },
  ERR_EDGEIMG_MODEL_QUANTIZE_OPERATOR: {
    exit: 1,
    summary: "A model of an older operator set has an operator that cannot be brought to the one of quantized models.",
    help: "Export the model with opset 13 or later, or convert it: onnx.version_converter.convert_version(model, 13).",
  },
  ERR_EDGEIMG_MODEL_QUANTIZE_RECORD: {
    exit: 1,
    summary:
      "An app that is to calibrate its models (`record`), or to be judged (`accuracy`), does not answer the pictures.",
    help: "See what it says with `edgeimg run --host`; correct it, the folder of pictures, or the path in `to`.",
  },
  ERR_EDGEIMG_MODEL_QUANTIZE_TWICE: {
    exit: 1,
    summary: "A model that is to be quantized is quantized already.",
    help: "Take `quantize` out of the model's settings, or give the model in floating point.",
  },
  ERR_EDGEIMG_IMAGE_INVALID: {
    exit: 1,
    summary: "A file is not an image that edgeimg can boot.",
    help: "Name an image that `edgeimg build` made for this board, unpacked (.img, not .img.zst).",
  },
  ERR_EDGEIMG_DEVICE_START: {
    exit: 2,
    summary: "QEMU could not be started.",
    help: "Its message is printed above. `edgeimg cache verify` finds a damaged copy of QEMU; the next build makes it anew.",
  },
  ERR_EDGEIMG_DEVICE_TIMEOUT: {
    exit: 3,
    summary: "The booted image did not say what was waited for in time.",
    help: "The console's last lines are printed above. An emulated board is about ten times slower than a real one: raise tests.timeout if it was only slow; build with `debug: true` for the kernel's messages and a shell.",
  },
  ERR_EDGEIMG_DEVICE_ENDED: {
    exit: 3,
    summary: "The booted board halted or restarted before it said what was waited for.",
    help: "The console's last lines are printed above: a kernel panic, a failed root file system or a shutdown that the app asked for.",
  },
  ERR_EDGEIMG_PORT_TAKEN: {
    exit: 1,
    summary: "The local port that --port names is in use, or not yours to use.",
    help: "Name another port, or leave --port out: then a free one is taken and printed. `ss -ltnp` shows who listens where.",
  },
  ERR_EDGEIMG_HOST_WATCH: {
    exit: 2,
    summary: "The system does not let `edgeimg run --host` watch the project's folders.",
    help: "Linux limits how many folders a user may watch: `sysctl fs.inotify` shows the limits, `sudo sysctl fs.inotify.max_user_watches=524288` raises one. Folders named node_modules are not watched.",
  },
  ERR_EDGEIMG_FLASH_NO_DEVICE: {
    exit: 1,
    summary: "The drive to write to was not named, or there is none of that name.",
    help: "`edgeimg flash --list` shows the drives that can be written. Name one with --device, such as /dev/sdb: the drive itself, not a partition of it.",
  },
  ERR_EDGEIMG_FLASH_NO_IMAGE: {
    exit: 1,
    summary: "There is no image to write, or more than one to choose from.",
    help: "Name the image (.img, .img.zst, .img.xz) or the folder that `edgeimg build` wrote it to.",
  },
  ERR_EDGEIMG_BENCH_MEASURE: {
    exit: 3,
    summary: "A model ran in its check, but not on the emulated machine that measures it.",
    help: "The machine's last lines are printed above. It has one core, 2 GiB of memory and one thread for the engine; a model that needs more cannot be measured so. Compare the other engines by their names, with `--engines`.",
  },
  ERR_EDGEIMG_ENGINE_CHOICE: {
    exit: 1,
    summary: "`engine: auto` cannot choose an engine.",
    help: "It goes by the file that `edgeimg bench` writes, or by what edgeimg.lock kept of one. Run `edgeimg bench` for a board with that core, after a change of the models or an update of edgeimg as well; or name an engine.",
  },
  ERR_EDGEIMG_SSH_FAILED: {
    exit: 2,
    summary: "A board that was to be measured cannot be reached, or does not run what was copied to it.",
    help: "The last lines of ssh or of the program are printed above. ssh must work without a question, and the board needs a shell, mktemp, tar, and room in /tmp for the engine and one model.",
  },
  ERR_EDGEIMG_FLASH_SOURCE_INVALID: {
    exit: 1,
    summary: "The image, its block map or its compression cannot be read.",
    help: "The file is damaged or of another kind. Build or download it again.",
  },
  ERR_EDGEIMG_FLASH_SOURCE_HASH: {
    exit: 3,
    summary: "The image is not what its SHA256SUMS or block map says.",
    help: "The image was changed or damaged after it was made, or lies beside the sums of another one. Build or download it again. If writing had begun, the drive has no partition table now and starts nothing.",
  },
  ERR_EDGEIMG_FLASH_TOO_SMALL: {
    exit: 1,
    summary: "The image does not fit onto the drive.",
    help: "Use a larger card, or make the image smaller: `image.dataSize` and `image.bootSize` in edgeimg.yaml.",
  },
  ERR_EDGEIMG_FLASH_MOUNTED: {
    exit: 1,
    summary: "The drive is in use: a partition of it is mounted, or another program holds it.",
    help: "Give --unmount to have it unmounted, or unmount it yourself. What the system itself runs from is never unmounted.",
  },
  ERR_EDGEIMG_FLASH_SYSTEM_DRIVE: {
    exit: 1,
    summary: "The drive holds the system, swap or your home folder, or is not a removable, USB or SD drive.",
    help: "edgeimg never writes to such a drive, whatever flags are given. `edgeimg flash --list` shows those it writes to.",
  },
  ERR_EDGEIMG_FLASH_SWAPPED: {
    exit: 2,
    summary: "Between the choice and the first write another drive took the place of the chosen one.",
    help: "Nothing was written. Insert the card, look at `edgeimg flash --list` and start again.",
  },
  ERR_EDGEIMG_FLASH_IO: {
    exit: 2,
    summary: "The drive failed while it was written or read.",
    help: "The card, the reader or the cable is at fault, or the card was pulled out. The card has no partition table now and starts nothing: try again, with another reader or another card.",
  },
  ERR_EDGEIMG_FLASH_VERIFY: {
    exit: 3,
    summary: "What was read back from the drive is not what was written.",
    help: "The card is worn, or a counterfeit that has less room than it says; sometimes it is the reader. The card has no partition table now and starts nothing. Use another card.",
  },
  ERR_EDGEIMG_FLASH_RIGHTS: {
    exit: 2,
    summary: "You may not write to the drive.",
    help: "Drives belong to root and a group, mostly `disk`. Give yourself rights to this one drive with setfacl until it is pulled out, run the command with sudo, or join the group (which gives rights to all drives). docs/flash.md has the commands.",
  },
  ERR_EDGEIMG_FLASH_NOT_CONFIRMED: {
    exit: 1,
    summary: "Writing was not confirmed.",
    help: "Nothing was written. Answer with the drive's name, or give --device and --yes where nobody can be asked.",
  },
  ERR_EDGEIMG_FLASH_SETTINGS: {
    exit: 1,
    summary: "Settings for the first boot are ill-formed, or the image cannot take them.",
    help: "--hostname, --ssh-key, --wifi and --set need an image of edgeimg; docs/flash.md tells what each may hold.",
  },
} as const satisfies Record<string, CodeEntry>;

export type ErrorCode = keyof typeof entries;
export const errorCodes: Readonly<Record<ErrorCode, CodeEntry>> = entries;
