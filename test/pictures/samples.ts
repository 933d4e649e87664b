/** The pictures that ship with examples/reader, by their name there. */
export const samples: readonly { readonly file: string; readonly picture: string }[] = [
  { file: "01.png", picture: "harbor" },
  { file: "02.png", picture: "two-lines" },
  { file: "03.png", picture: "upside-down" },
  { file: "04.jpg", picture: "neon" },
];
