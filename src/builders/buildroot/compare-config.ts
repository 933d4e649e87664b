/**
 * What kconfig made of a defconfig. `lost`: lines that are not in .config, since the release does not know the symbol or something
 * that it depends on is off. `added`: lines that savedefconfig needs and the defconfig does not have.
 */
export function compareConfig(texts: { readonly defconfig: string; readonly config: string; readonly saved: string }): {
  readonly lost: readonly string[];
  readonly added: readonly string[];
} {
  const own = lines(texts.defconfig);
  const config = new Set(lines(texts.config));
  const known = new Set([...config].map(symbolOf));
  const lost = own.filter((line) => {
    if (config.has(line)) return false;
    // An option that is to be off, and that does not even exist, is off.
    return !line.startsWith("#") || known.has(symbolOf(line));
  });
  const wanted = new Set(own);
  return { lost, added: lines(texts.saved).filter((line) => !wanted.has(line)) };
}

/** `SYMBOL=value` and `# SYMBOL is not set`, without other comments. */
function lines(text: string): string[] {
  return text.split("\n").filter((line) => /^(# )?BR2_[A-Za-z0-9_]+( is not set$|=)/.test(line));
}

function symbolOf(line: string): string {
  return /BR2_[A-Za-z0-9_]+/.exec(line)?.[0] ?? "";
}
