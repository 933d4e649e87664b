import t from "tap";
import { FdtError, parseFdt, writeFdt } from "../../src/formats/fdt.js";
import { editFdt, fdtValue, findFdtNode } from "../../src/formats/fdt-edit.js";

/**
 * Compiled by dtc 1.7.2 from:
 *   /memreserve/ 0x1000 0x2000;
 *   / { model = "test"; #address-cells = <1>;
 *       soc { dev@10 { reg = <0x10 4>; status = "okay"; power; }; dev@20 { status = "okay"; link = <&l>; };
 *             l: leaf { x = [01 02 03]; }; }; };
 */
const compiled = Uint8Array.from(
  Buffer.from(
    [
      "d00dfeed0000016500000048000001300000002800000011000000100000000000000035000000e800000000000010000000",
      "0000000020000000000000000000000000000000000000000001000000000000000300000005000000007465737400000000",
      "0000000300000004000000060000000100000001736f63000000000164657640313000000000000300000008000000150000",
      "0010000000040000000300000005000000196f6b617900000000000000030000000000000020000000020000000164657640",
      "323000000000000300000005000000196f6b6179000000000000000300000004000000260000000100000002000000016c65",
      "61660000000000000003000000030000002b0102030000000003000000040000002d00000001000000020000000200000002",
      "000000096d6f64656c0023616464726573732d63656c6c73007265670073746174757300706f776572006c696e6b00780070",
      "68616e646c6500",
    ].join(""),
    "hex",
  ),
);

const noEdit = { create: false, set: {}, delete: [] } as const;

t.test("a tree that dtc wrote is read and written to the same bytes", async (t) => {
  const tree = parseFdt(compiled);
  t.same(tree.reserved, [{ address: 0x1000n, size: 0x2000n }]);
  t.equal(tree.root.children[0]?.children.length, 3);
  t.same(findFdtNode(tree, "/soc/dev@10")?.properties.get("reg"), fdtValue([0x10, 4]));
  t.same(findFdtNode(tree, "/soc/dev@10")?.properties.get("power"), new Uint8Array());
  t.same(findFdtNode(tree, "/soc/leaf")?.properties.get("x"), Uint8Array.of(1, 2, 3));
  t.equal(findFdtNode(tree, "/soc/none"), undefined);
  t.same(Buffer.from(writeFdt(tree)).toString("hex"), Buffer.from(compiled).toString("hex"));
});

t.test("bytes that do not begin at the start of their buffer are read", async (t) => {
  const shifted = new Uint8Array(compiled.length + 3);
  shifted.set(compiled, 3);
  t.same(writeFdt(parseFdt(shifted.subarray(3))), compiled);
});

t.test("edits set, delete and create; the rest stays", async (t) => {
  const before = parseFdt(compiled);
  const result = editFdt(before, [
    { ...noEdit, node: "/soc/dev@20", set: { status: "disabled" } },
    { ...noEdit, node: "/soc/dev@10", delete: ["power"] },
    { node: "/memory@40", create: true, set: { device_type: "memory", reg: [0, 0x40000000, 0xffffffff] }, delete: [] },
    { ...noEdit, node: "/", set: { model: "other" } },
  ]);
  if ("missing" in result) return t.fail(result.missing);
  const tree = parseFdt(writeFdt(result.tree));
  t.same(findFdtNode(tree, "/soc/dev@20")?.properties.get("status"), fdtValue("disabled"));
  t.same([...(findFdtNode(tree, "/soc/dev@10")?.properties.keys() ?? [])], ["reg", "status"]);
  t.same(
    Buffer.from(findFdtNode(tree, "/memory@40")?.properties.get("reg") ?? []).toString("hex"),
    "0000000040000000ffffffff",
  );
  t.same(tree.root.properties.get("model"), fdtValue("other"));
  t.same(findFdtNode(tree, "/soc/leaf"), findFdtNode(before, "/soc/leaf"));
  t.same(findFdtNode(before, "/soc/dev@20")?.properties.get("status"), fdtValue("okay"), "the old tree is untouched");
});

t.test("what an edit misses is named", async (t) => {
  const tree = parseFdt(compiled);
  t.same(editFdt(tree, [{ ...noEdit, node: "/soc/gone", set: { status: "disabled" } }]), { missing: "/soc/gone" });
  t.same(editFdt(tree, [{ ...noEdit, node: "/soc/dev@10", delete: ["gone"] }]), { missing: "/soc/dev@10: gone" });
  t.same(editFdt(tree, [{ node: "/no/parent", create: true, set: {}, delete: [] }]), { missing: "/no/parent" });
});

t.test("every cut and every changed byte gives a tree or an FdtError, never anything else", async (t) => {
  for (let length = 0; length < compiled.length; length++) {
    t.throws(() => parseFdt(compiled.subarray(0, length)), FdtError, `cut to ${length}`);
  }
  let refused = 0;
  for (let at = 0; at < compiled.length; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const bytes = Uint8Array.from(compiled);
      bytes[at] = value;
      try {
        parseFdt(bytes);
      } catch (error) {
        if (!(error instanceof FdtError)) throw error;
        refused++;
      }
    }
  }
  t.ok(refused > 100, `${refused} refused`);
});

t.test("a tree nested without end is refused", async (t) => {
  const words: number[] = [];
  for (let depth = 0; depth < 100_000; depth++) words.push(1, 0);
  const bytes = new Uint8Array(56 + words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of [0xd00dfeed, bytes.length, 56, 40, 40, 17, 16, 0, 0, words.length * 4].entries())
    view.setUint32(index * 4, value);
  for (const [index, value] of words.entries()) view.setUint32(56 + index * 4, value);
  t.throws(() => parseFdt(bytes), { name: "FdtError", message: /nested too deeply/ });
});
