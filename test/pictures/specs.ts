import type { Background } from "./backgrounds.js";
import type { FontName } from "./fonts.js";

/** Left end of the baseline at (x, y); size in pixels. */
export interface LineSpec {
  readonly text: string;
  readonly font: FontName;
  readonly size: number;
  readonly colour: string;
  readonly x: number;
  readonly y: number;
}

export interface PictureSpec {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly background: Background;
  readonly lines: readonly LineSpec[];
  /** The whole picture turned by 180 degrees. */
  readonly upsideDown?: boolean;
  readonly type?: "image/png" | "image/jpeg";
}

/** Small pictures: an emulated board takes seconds for what a real one does in tenths. */
export const specs: readonly PictureSpec[] = [
  {
    name: "harbor",
    width: 320,
    height: 160,
    background: { kind: "plain", colour: "#ffffff" },
    lines: [{ text: "HARBOR", font: "roboto", size: 56, colour: "#101010", x: 48, y: 98 }],
  },
  {
    name: "two-lines",
    width: 320,
    height: 160,
    background: { kind: "plain", colour: "#f4ecd8" },
    lines: [
      { text: "Breakfast", font: "lora", size: 40, colour: "#5b2a12", x: 28, y: 62 },
      { text: "7:30-10:45", font: "lora", size: 36, colour: "#5b2a12", x: 28, y: 126 },
    ],
  },
  {
    name: "white-on-blue",
    width: 320,
    height: 128,
    background: { kind: "plain", colour: "#0b4da2" },
    lines: [{ text: "Platform", font: "openSans", size: 52, colour: "#ffffff", x: 36, y: 82 }],
  },
  {
    name: "gradient",
    width: 352,
    height: 160,
    background: { kind: "gradient", from: "#ffd37a", to: "#d24e6b" },
    lines: [{ text: "Sunrise2026", font: "oswald", size: 50, colour: "#2a1033", x: 54, y: 98 }],
  },
  {
    name: "noise",
    width: 320,
    height: 160,
    background: { kind: "noise", colour: "#b9c3b4", amount: 40, seed: 7 },
    lines: [{ text: "Meadow", font: "roboto", size: 54, colour: "#173d1e", x: 60, y: 96 }],
  },
  {
    name: "serial-number",
    width: 320,
    height: 96,
    background: { kind: "plain", colour: "#e8e8e8" },
    lines: [{ text: "SN-48271-K", font: "mono", size: 36, colour: "#202020", x: 46, y: 60 }],
  },
  {
    name: "upside-down",
    width: 320,
    height: 160,
    background: { kind: "plain", colour: "#ffffff" },
    lines: [{ text: "Lighthouse", font: "openSans", size: 44, colour: "#7a1020", x: 34, y: 96 }],
    upsideDown: true,
  },
  {
    name: "upside-down-lines",
    width: 320,
    height: 192,
    background: { kind: "gradient", from: "#dff3ff", to: "#8fb7d6" },
    lines: [
      { text: "Mountain", font: "roboto", size: 46, colour: "#0d2740", x: 50, y: 74 },
      { text: "Railway", font: "roboto", size: 46, colour: "#0d2740", x: 66, y: 144 },
    ],
    upsideDown: true,
    type: "image/jpeg",
  },
  {
    name: "stripes",
    width: 320,
    height: 160,
    background: { kind: "stripes", colour: "#fff7c2", stripe: "#f2e08a", pitch: 18 },
    lines: [{ text: "CAUTION", font: "oswald", size: 60, colour: "#1a1a1a", x: 62, y: 102 }],
  },
  {
    name: "small-print",
    width: 288,
    height: 128,
    background: { kind: "plain", colour: "#ffffff" },
    lines: [
      { text: "Invoice", font: "openSans", size: 20, colour: "#303030", x: 20, y: 40 },
      { text: "Total", font: "openSans", size: 20, colour: "#303030", x: 20, y: 92 },
      { text: "1,284.50", font: "openSans", size: 20, colour: "#303030", x: 170, y: 92 },
    ],
  },
  {
    name: "neon",
    width: 320,
    height: 160,
    background: { kind: "noise", colour: "#20142e", amount: 22, seed: 21 },
    lines: [{ text: "Midnight", font: "openSansItalic", size: 50, colour: "#7df9c2", x: 44, y: 96 }],
    type: "image/jpeg",
  },
  {
    name: "big-letters",
    width: 384,
    height: 192,
    background: { kind: "plain", colour: "#c8102e" },
    lines: [{ text: "EXIT", font: "openSans", size: 110, colour: "#fffdf5", x: 62, y: 136 }],
  },
];
