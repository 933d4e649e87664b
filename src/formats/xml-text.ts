/** Text as it may stand in XML 1.0, between tags and in attributes: what XML cannot hold (section 2.2) becomes U+FFFD. */
export function xmlText(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is replaced
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu, "\ufffd")
      .replace(/[&<>"'\r\n\t]/g, (char) => `&#${char.charCodeAt(0)};`)
  );
}
