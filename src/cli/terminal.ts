/** What a command may touch of the process it runs in. */
export interface Terminal {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds of a clock that never jumps back. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly date: () => number;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly stdin: NodeJS.ReadableStream;
  /** Whether stdout is a terminal that shows a live list. */
  readonly interactive: boolean;
  readonly color: boolean;
  readonly signal: AbortSignal;
}
