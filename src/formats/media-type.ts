/** The media type of a picture that is sent to an app, by its file's name. */
export function mediaType(file: string): string {
  if (/\.jpe?g$/i.test(file)) return "image/jpeg";
  if (/\.png$/i.test(file)) return "image/png";
  return "application/octet-stream";
}
