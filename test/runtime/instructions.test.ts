import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { extensionsOf } from "../../src/catalog/core.js";
import { execute } from "../../src/execute/execute.js";
import { extensionsIn } from "../../src/formats/a64-code.js";
import type { A64Extension } from "../../src/formats/a64-features.js";
import { treePath } from "../../src/store/store.js";
import { testPlan, testServices } from "../helpers/services.js";
import { kernelTools } from "../kernels/tools.js";

/** Instructions by the extension that brings them, in the assembler's words. */
const instructions: Readonly<Record<A64Extension, string>> = {
  lse: "cas w0,w1,[x2]; casalb w0,w1,[x2]; casp x0,x1,x2,x3,[x4]; swp w0,w1,[x2]; swpal x0,x1,[x2]; ldadd w0,w1,[x2]; ldaddal x0,x1,[x2]; ldclrh w0,w1,[x2]; ldeorb w0,w1,[x2]; ldset x0,x1,[x2]; ldsmax w0,w1,[x2]; ldumin x0,x1,[x2]; stadd w0,[x1]",
  rcpc: "ldapr w0,[x1]; ldapr x0,[x1]; ldaprb w0,[x1]; ldaprh w0,[x1]",
  rcpc2: "ldapur w0,[x1,#8]; stlur x0,[x1]; ldapursb w0,[x1]",
  rdma: "sqrdmlah v0.4s,v1.4s,v2.4s; sqrdmlsh v0.8h,v1.8h,v2.h[1]; sqrdmlah s0,s1,s2; sqrdmlsh h0,h1,v2.h[3]",
  fp16: "fadd h0,h1,h2; fmadd h0,h1,h2,h3; fcmp h0,h1; fcsel h0,h1,h2,eq; fccmp h0,h1,#0,eq; fmov h0,#1.0; fmov h0,w1; fsqrt h0,h1; fabs h0,h1; scvtf h0,w1; fcvtzs w0,h1; scvtf h0,w1,#3; fadd v0.8h,v1.8h,v2.8h; fmla v0.4h,v1.4h,v2.4h; fcmgt v0.8h,v1.8h,#0.0; fneg v0.8h,v1.8h; frintn v0.8h,v1.8h; scvtf v0.8h,v1.8h; scvtf v0.8h,v1.8h,#3; fcvtzu v0.8h,v1.8h,#2; fmul v0.8h,v1.8h,v2.h[0]; fmulx v0.8h,v1.8h,v2.h[0]; fmls v0.8h,v1.8h,v2.h[7]; fmla h0,h1,v2.h[1]; fmul h0,h1,v2.h[1]; fmov v0.8h,#1.0; fmaxnmv h0,v1.8h; fminv h0,v1.8h; faddp h0,v1.2h; fmaxnmp h0,v1.2h; fminp h0,v1.2h; fabd h0,h1,h2; frecpe h0,h1; fcmge h0,h1,#0.0; scvtf h0,h1; fcvtzs h0,h1,#3",
  fp16fml: "fmlal v0.4s,v1.4h,v2.4h; fmlsl2 v0.4s,v1.4h,v2.4h; fmlal v0.4s,v1.4h,v2.h[1]; fmlsl2 v0.4s,v1.4h,v2.h[1]",
  dotprod: "sdot v0.4s,v1.16b,v2.16b; udot v0.2s,v1.8b,v2.8b; sdot v0.4s,v1.16b,v2.4b[1]; udot v0.4s,v1.16b,v2.4b[3]",
  i8mm: "smmla v0.4s,v1.16b,v2.16b; ummla v0.4s,v1.16b,v2.16b; usmmla v0.4s,v1.16b,v2.16b; usdot v0.4s,v1.16b,v2.16b; usdot v0.4s,v1.16b,v2.4b[1]; sudot v0.4s,v1.16b,v2.4b[1]",
  bf16: "bfdot v0.4s,v1.8h,v2.8h; bfdot v0.4s,v1.8h,v2.2h[1]; bfmmla v0.4s,v1.8h,v2.8h; bfmlalb v0.4s,v1.8h,v2.8h; bfmlalt v0.4s,v1.8h,v2.h[1]; bfcvtn v0.4h,v1.4s; bfcvtn2 v0.8h,v1.4s; bfcvt h0,s1",
  jscvt: "fjcvtzs w0,d1",
  fcma: "fcmla v0.4s,v1.4s,v2.4s,#90; fcadd v0.4s,v1.4s,v2.4s,#90; fcmla v0.4s,v1.4s,v2.s[1],#270; fcadd v0.2d,v1.2d,v2.2d,#270",
  frintts: "frint32z s0,s1; frint64x d0,d1; frint32x v0.4s,v1.4s; frint64z v0.2d,v1.2d",
  flagm: "cfinv; rmif x0,#1,#2; setf8 w0; setf16 w0",
  flagm2: "xaflag; axflag",
  pauth:
    "retaa; retab; braa x0,x1; braaz x0; blrab x0,x1; ldraa x0,[x1]; ldrab x0,[x1,#8]!; pacga x0,x1,x2; pacia x0,x1; autdzb x0; xpaci x0",
  sb: "sb",
  memtag:
    "irg x0,x1; addg x0,x1,#16,#1; subg x0,x1,#16,#1; gmi x0,x1,x2; stg x0,[x1]; ldg x0,[x1]; st2g x0,[x1,#16]; stzg x0,[x1],#16",
  mops: "cpyfp [x0]!,[x1]!,x2!; cpym [x0]!,[x1]!,x2!; setp [x0]!,x1!,x2; setge [x0]!,x1!,x2",
  sve: "add z0.s,z1.s,z2.s; ld1w {z0.s},p0/z,[x0]; ptrue p0.s; cntd x0; whilelo p0.s,x0,x1; fmla z0.s,p0/m,z1.s,z2.s; sdot z0.s,z1.b,z2.b; str z0,[x0]",
  sme: "str za[w15,0],[x0]; ldr za[w12,3],[x1,#3,mul vl]; fmopa za0.s,p0/m,p1/m,z0.s,z1.s",
  aes: "aese v0.16b,v1.16b; aesd v0.16b,v1.16b; aesmc v0.16b,v1.16b; aesimc v0.16b,v1.16b",
  pmull: "pmull v0.1q,v1.1d,v2.1d; pmull2 v0.1q,v1.2d,v2.2d",
  sha1: "sha1c q0,s1,v2.4s; sha1p q0,s1,v2.4s; sha1m q0,s1,v2.4s; sha1su0 v0.4s,v1.4s,v2.4s; sha1h s0,s1; sha1su1 v0.4s,v1.4s",
  sha2: "sha256h q0,q1,v2.4s; sha256h2 q0,q1,v2.4s; sha256su0 v0.4s,v1.4s; sha256su1 v0.4s,v1.4s,v2.4s",
  sha3: "eor3 v0.16b,v1.16b,v2.16b,v3.16b; bcax v0.16b,v1.16b,v2.16b,v3.16b; xar v0.2d,v1.2d,v2.2d,#3; rax1 v0.2d,v1.2d,v2.2d; sha512h q0,q1,v2.2d; sha512h2 q0,q1,v2.2d; sha512su0 v0.2d,v1.2d; sha512su1 v0.2d,v1.2d,v2.2d",
  sm4: "sm3ss1 v0.4s,v1.4s,v2.4s,v3.4s; sm3tt1a v0.4s,v1.4s,v2.s[1]; sm3partw1 v0.4s,v1.4s,v2.4s; sm4e v0.4s,v1.4s; sm4ekey v0.4s,v1.4s,v2.4s",
};

/** Of ARMv8.0, each beside an encoding of the table. */
const plain =
  "fcvt s0,h1; fcvt d0,h1; fcvt h0,s1; fcvt h0,d1; fcvtl v0.4s,v1.4h; fcvtn v0.4h,v1.4s; ldxr w0,[x1]; stxr w0,w1,[x2]; ldxp x0,x1,[x2]; stlxp w0,x1,x2,[x3]; ldar w0,[x1]; stlr x0,[x1]; ldr x0,[x1,x2,lsl #3]; str w0,[x1,w2,sxtw]; ldrsb w0,[x1,x2]; ldur x0,[x1,#-8]; ldr x0,[x1],#8; ldr q0,[x1,x2]; prfm pldl1keep,[x0]; crc32w w0,w1,w2; crc32cx w0,w1,x2; mul v0.4s,v1.4s,v2.4s; mla v0.8h,v1.8h,v2.h[1]; mls v0.4s,v1.4s,v2.s[1]; sqdmulh v0.4s,v1.4s,v2.4s; sqrdmulh v0.8h,v1.8h,v2.h[1]; sqdmlal v0.4s,v1.4h,v2.h[1]; smlal v0.4s,v1.4h,v2.4h; umlsl2 v0.2d,v1.4s,v2.s[1]; pmull v0.8h,v1.8b,v2.8b; pmul v0.16b,v1.16b,v2.16b; fmla v0.4s,v1.4s,v2.4s; fmls v0.2d,v1.2d,v2.d[1]; fmul v0.4s,v1.4s,v2.s[3]; fmulx s0,s1,v2.s[0]; fmaxnmv s0,v1.4s; faddp s0,v1.2s; addp d0,v1.2d; scvtf v0.4s,v1.4s,#3; fcvtzs d0,d1,#3; fcmgt v0.4s,v1.4s,#0.0; frintn v0.2d,v1.2d; fabd s0,s1,s2; fmov v0.4s,#1.0; fmov d0,#1.0; movi v0.8h,#1; dup v0.8h,w1; mov h0,v1.h[3]; ins v0.h[1],w0; umov w0,v1.h[2]; tbl v0.16b,{v1.16b},v2.16b; ext v0.16b,v1.16b,v2.16b,#3; zip1 v0.8h,v1.8h,v2.8h; trn2 v0.4s,v1.4s,v2.4s; rev64 v0.8h,v1.8h; rbit v0.16b,v1.16b; sshl v0.8h,v1.8h,v2.8h; sqshrn v0.4h,v1.4s,#3; uqxtn v0.8b,v1.8h; addv h0,v1.8h; saddlv s0,v1.8h; smaxv h0,v1.8h; fmadd d0,d1,d2,d3; fcsel s0,s1,s2,eq; fccmp d0,d1,#0,eq; fcvtzs w0,s1; ucvtf d0,x1; br x0; blr x1; ret; paciasp; autiasp; bti c; hint #7; dmb ish; dsb sy; isb; mrs x0,tpidr_el0; msr tpidr_el0,x0; svc #0; yield; adc x0,x1,x2; ccmp x0,x1,#0,eq; csel x0,x1,x2,eq; udiv w0,w1,w2; rbit x0,x1; clz w0,w1; smulh x0,x1,x2; ror x0,x1,x2; extr x0,x1,x2,#3; ubfm x0,x1,#3,#7; add x0,x1,#16; sub x0,x1,w2,uxtw; movk x0,#1,lsl #16; and x0,x1,#255; ld1 {v0.16b},[x0]; st4 {v0.8h-v3.8h},[x0],#64; ld2r {v0.4s,v1.4s},[x0]; ldp q0,q1,[x0]; stnp x0,x1,[x2]; tbz w0,#3,.; cbnz x0,.";

const tools = kernelTools();

/** An object file of these instructions, one function. */
function assembled(t: Test, code: string): Buffer {
  const folder = t.testdir({
    "code.s": `.arch armv9.4-a+crypto+sha3+sm4+sme+memtag+profile+fp16fml+bf16+i8mm+mops\n.text\n${code.replaceAll("; ", "\n")}\n`,
  });
  execFileSync(tools.gcc, ["-c", join(folder, "code.s"), "-o", join(folder, "code.o")]);
  return readFileSync(join(folder, "code.o"));
}

for (const [extension, code] of Object.entries(instructions)) {
  t.test(`instructions of ${extension} are told as such`, async (t) => {
    const { words, uses } = extensionsIn(assembled(t, code));
    t.equal(words, code.split("; ").length, "each is looked at");
    t.same(
      uses.map((one) => [one.extension, one.count]),
      [[extension, words]],
    );
  });
}

t.test("instructions of ARMv8.0 are none of them", async (t) => {
  const { words, uses } = extensionsIn(assembled(t, plain));
  t.equal(words, plain.split("; ").length);
  t.same(uses, []);
});

/** Sources whose code needs the extension, by what a careless flag does. */
const libraries = {
  lse: {
    flags: ["-march=armv8-a+lse"],
    source: "int count(int *p) { return __atomic_add_fetch(p, 1, __ATOMIC_SEQ_CST); }",
  },
  dotprod: {
    flags: ["-march=armv8.2-a+dotprod"],
    source: "#include <arm_neon.h>\nint32x4_t count(int32x4_t a, int8x16_t b) { return vdotq_s32(a, b, b); }",
  },
  fp16: {
    flags: ["-march=armv8.2-a+fp16"],
    source: "#include <arm_neon.h>\nfloat16x8_t count(float16x8_t a) { return vmulq_f16(a, a); }",
  },
  aes: {
    flags: ["-march=armv8-a+crypto"],
    source: "#include <arm_neon.h>\nuint8x16_t count(uint8x16_t a) { return vaeseq_u8(a, a); }",
  },
} as const;

const rpi4 = { cpu: "cortex-a72", has: [], lacks: ["aes", "pmull", "sha1", "sha2"] } as const;

/** Runs the step on an image that holds one library. */
async function look(
  t: Test,
  library: { readonly source: string; readonly flags: readonly string[] },
  params: object = {},
) {
  const folder = t.testdir({ cache: {}, engine: {}, "count.c": library.source });
  execFileSync(tools.gcc, [
    ...["-O2", "-shared", "-fPIC", "-nostdlib", ...library.flags, join(folder, "count.c"), "-lgcc", "-o"],
    join(folder, "engine/libcount.so"),
  ]);
  const services = await testServices(join(folder, "cache"));
  const entry = {
    type: "file",
    path: "usr/lib/libcount.so",
    mode: 0o755,
    from: { input: "engine", path: "libcount.so" },
  };
  const plan = testPlan([
    { id: "engine", kind: "local", params: { path: join(folder, "engine") } },
    { id: "root", kind: "assemble", inputs: { engine: "engine" }, params: { format: "tar", entries: [entry] } },
    {
      id: "look",
      kind: "instructions",
      inputs: { image: "root" },
      params: {
        board: "rpi4",
        cpu: rpi4.cpu,
        machine: 183,
        has: extensionsOf(rpi4),
        rules: [],
        ...params,
      },
    },
  ]);
  const { digest = "" } = (await execute(plan, ["look"], services)).get("look") ?? {};
  return JSON.parse(readFileSync(join(treePath(services.store, digest), "instructions.json"), "utf8"));
}

for (const [extension, library] of Object.entries(libraries)) {
  t.test(`a library compiled with +${extension} is refused for the Raspberry Pi 4`, async (t) => {
    await t.rejects(look(t, library), {
      code: "ERR_EDGEIMG_IMAGE_INSTRUCTION",
      message: new RegExp(
        `^usr/lib/libcount\\.so \\(engine\\) has \\d+ instructions? of "${extension}", which the cortex-a72 of rpi4 lacks; the first is .* in count at 0x`,
      ),
      hint: new RegExp(`-mcpu=cortex-a72, or with an -march without \\+${extension}\\.`),
    });
    const rules = [{ files: ["usr/lib/*"], extensions: [extension], reason: "asks first" }];
    t.match(await look(t, library, { rules }), {
      files: 1,
      allowed: [{ path: "usr/lib/libcount.so", extension, reason: "asks first" }],
    });
    const other = [{ files: ["usr/bin/*"], extensions: [extension], reason: "asks first" }];
    await t.rejects(
      look(t, library, { rules: other }),
      { code: "ERR_EDGEIMG_IMAGE_INSTRUCTION" },
      "a rule of other files",
    );
    const a76 = extensionsOf({ cpu: "cortex-a76", has: [], lacks: [] });
    t.match(await look(t, library, { cpu: "cortex-a76", has: a76 }), { files: 1, allowed: [] }, "a core that has it");
  });
}

t.test("atomics that ask the processor first are no reason to refuse", async (t) => {
  const { source } = libraries.lse;
  const found = await look(t, { source, flags: ["-mcpu=cortex-a72", "-moutline-atomics"] });
  t.match(found, { files: 1, allowed: [] });
});

t.test("without section headers, cut off or damaged: an answer, or none, and soon", async (t) => {
  const whole = assembled(t, instructions.lse);
  for (let length = 0; length <= whole.length; length += 7) t.ok(extensionsIn(whole.subarray(0, length)).words >= 0);
  for (let at = 0; at < 64; at++) {
    const damaged = Buffer.from(whole);
    damaged[at] = 0xff;
    t.ok(extensionsIn(damaged).words <= whole.length / 4);
  }
});
