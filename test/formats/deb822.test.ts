import t from "tap";
import { parseDeb822 } from "../../src/formats/deb822.js";

t.test("paragraphs, fields, folded lines, comments", async (t) => {
  const text = `# a comment
Package: libc6
Version: 2:2.41-12+deb13u1
Description: GNU C Library
 contains the standard libraries
 .
 more
Empty:

Package:libfoo
Filename: pool/main/f/foo_1_arm64.deb
# in between
\tfolded with a tab
Size: 10


Last: yes`;
  t.same(parseDeb822(text), [
    {
      Package: "libc6",
      Version: "2:2.41-12+deb13u1",
      Description: "GNU C Library\ncontains the standard libraries\n.\nmore",
      Empty: "",
    },
    { Package: "libfoo", Filename: "pool/main/f/foo_1_arm64.deb\nfolded with a tab", Size: "10" },
    { Last: "yes" },
  ]);
});

t.test("what is none of it is passed over", async (t) => {
  t.same(parseDeb822(""), []);
  t.same(parseDeb822("\n \n\t\n"), []);
  t.same(parseDeb822("no colon here\n: no name\n folded without a field"), []);
  t.same(parseDeb822("A: 1\nrubbish\nB: 2"), [{ A: "1", B: "2" }]);
  t.same(parseDeb822("A: 1\nA: 2"), [{ A: "2" }], "the last one counts");
});
