import t from "tap";
import { readConfigTxt, readExtlinux } from "../../src/formats/boot-config.js";

t.test("extlinux.conf: the default first, keys in any case, synonyms, unknown lines passed over", async (t) => {
  const entries = readExtlinux(
    [
      "# a comment",
      "TIMEOUT 10",
      "default two",
      "menu title anything",
      "label one",
      "\tLINUX /a/Image",
      "  initrd /a/initrd",
      "label two",
      "kernel b",
      "kernel c",
      "devicetree /dtb/x.dtb",
      "append console=tty0  root=/dev/x ",
      "fdtdir /dtb",
    ].join("\n"),
  );
  t.same(entries, [
    { label: "two", kernel: "c", initrd: undefined, dtb: "dtb/x.dtb", cmdline: "console=tty0  root=/dev/x" },
    { label: "one", kernel: "a/Image", initrd: "a/initrd", dtb: undefined, cmdline: "" },
  ]);
  t.same(readExtlinux("kernel x\ndefault y\n"), [], "nothing before a label");
});

t.test("config.txt: what holds for all, with each section's device tree", async (t) => {
  const all = "[all]\nkernel=k.img\ninitramfs i.gz followkernel\nenable_uart=1\n";
  const common = { kernel: "k.img", initrd: "i.gz", cmdline: "quiet" };
  t.same(readConfigTxt(`${all}[pi3]\nkernel=other\ndevice_tree=a.dtb\n[pi3+]\ndevice_tree=b.dtb\n[all]\n`, "quiet\n"), [
    { ...common, label: "pi3", dtb: "a.dtb" },
    { ...common, label: "pi3+", dtb: "b.dtb" },
  ]);
  t.match(readConfigTxt(all, "quiet"), [{ ...common, dtb: undefined }]);
  t.match(readConfigTxt("", ""), [{ kernel: undefined, initrd: undefined, cmdline: "" }]);
});
