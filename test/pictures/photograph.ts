/** A photograph with legible text inside a registry package (MIT licence); not kept in this repository. */
export const photograph = {
  purl: "pkg:pypi/fast-plate-ocr@1.1.0",
  /** The source distribution of that version. */
  archive: "fast_plate_ocr-1.1.0.tar.gz",
  archiveSha256: "911054d56b89d95ad6e56eae898a1c981a98d86510e4674595805de233645aa2",
  path: "fast_plate_ocr-1.1.0/test/assets/test_plate_2.png",
  sha256: "4fafff8be04b3b94d7a9a6ffa39c74a74fa9099ad8633f50db0886c9d4a18005",
  type: "image/png",
  /** A number plate, white on black. */
  text: "KRW 301",
} as const;
